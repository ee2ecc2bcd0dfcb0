//! Hostile clients of HTTP/2 (rows D01 to D18).

mod broken;
mod floods;
mod heads;
mod waiting;
pub mod wire;
