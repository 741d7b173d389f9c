//! Whole trees, on real filesystems, as root: owners, devices, trusted attributes and mounts take
//! no less. Without root the tests fail and say so; a suite that skips what matters proves nothing.
#![allow(clippy::unwrap_used)]

mod background;
mod comparing;
mod copying;
mod depth;
mod disk;
mod ground;
mod mounts;
mod odd;
mod oracle;
mod removing;
mod sharing;
mod swaps;
