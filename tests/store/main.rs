//! The golden store with real files, as root. No Docker engine takes part: data roots come from
//! `testbed`, and trees are judged by its checksum, which shares no code with the store.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests end the test like the tests themselves"
)]

mod build_steps;
mod child;
mod collection;
mod concurrency;
mod containerd;
mod containerd_elsewhere;
mod generations;
mod hostile;
mod image;
mod import;
mod init;
mod interruption;
mod keeper;
mod layers_on_disk;
mod live;
mod promotion;
mod recovery;
mod requests;
mod sessions;
mod sharing;
mod verification;
mod whole;
