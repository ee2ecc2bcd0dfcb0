//! Hostile clients and servers of TLS (rows G01, G04, J01 to J21).

mod clients;
mod files;
mod hello;
mod hellos;
mod names;
mod servers;
