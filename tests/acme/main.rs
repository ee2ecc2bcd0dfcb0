//! Black box: the proxy gets its certificates from a real CA, Pebble, over HTTP-01.

mod house;
mod orders;
mod traefik;
