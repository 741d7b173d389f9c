use camino::Utf8Path;
use goldenstore::{ImageReport, InitReport, Store};
use serde::Serialize;

use crate::cli::{Global, Init};
use crate::failure::Failure;
use crate::{exit, show};

/// There where systemd runs (sd_booted(3)).
const SYSTEMD: &str = "/run/systemd/system";
/// Where a host's own units lie (systemd.unit(5)).
const UNITS: &str = "/etc/systemd/system";

/// The report of a store on an image.
#[derive(Serialize)]
struct OnImage<'a> {
    #[serde(flatten)]
    store: &'a InitReport,
    image: &'a ImageReport,
}

pub(super) fn run(global: &Global, args: &Init) -> Result<u8, Failure> {
    let Some(size) = args.btrfs_image else {
        let report = Store::init(&global.root)?;
        if global.json {
            show::json(&report);
        } else {
            show_store(&report);
            show_next(&report);
        }
        return Ok(exit::OK);
    };
    let units = Utf8Path::new(SYSTEMD)
        .is_dir()
        .then_some(Utf8Path::new(UNITS));
    let (store, image) = Store::init_on_image(&global.root, size, units)?;
    if image.unit.is_some() {
        reload_systemd();
    }
    if global.json {
        show::json(&OnImage {
            store: &store,
            image: &image,
        });
    } else {
        show_store(&store);
        show_image(&image);
        show_next(&store);
    }
    Ok(exit::OK)
}

fn show_store(report: &InitReport) {
    let done = if report.created { "made" } else { "is there" };
    show::line(&format!(
        "golden store {} {done}, on {}",
        report.root, report.filesystem
    ));
}

fn show_next(report: &InitReport) {
    if report.created {
        show::line("  next  make a golden with `goldenctl build` or `goldenctl import`");
    }
}

fn show_image(report: &ImageReport) {
    let done = match (report.made, report.mounted) {
        (true, _) => "made and mounted",
        (false, true) => "mounted",
        (false, false) => "mounted already",
    };
    let mut fields = vec![("image", format!("{}, {done}", report.image))];
    match &report.unit {
        Some(unit) => fields.push(("after a reboot", format!("{unit} mounts it"))),
        None => fields.push((
            "after a reboot",
            format!("this line of /etc/fstab mounts it:\n{}", report.fstab),
        )),
    }
    show::fields(&fields);
}

/// systemd reads units when it is told to. If it is not, the unit is read at the next boot, which is
/// when it is needed.
fn reload_systemd() {
    let told = std::process::Command::new("systemctl")
        .arg("daemon-reload")
        .output();
    if !told.is_ok_and(|ended| ended.status.success()) {
        tracing::info!("systemd reads the unit at the next boot");
    }
}
