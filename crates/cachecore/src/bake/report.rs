//! What bake says of what it has built: the file of `--metadata-file`, by targets.

use serde_json::Value;

use super::BakedImage;

/// The file as bake would have written it, had the daemon been the images' output: then their names are
/// complete. `None` if it says so already, or cannot be read.
pub fn with_full_names(report: &[u8], images: &[BakedImage]) -> Option<Vec<u8>> {
    let mut report: Value = serde_json::from_slice(report).ok()?;
    let mut is_changed = false;
    for image in images {
        let Some(Value::String(names)) = report
            .get_mut(&image.target)
            .and_then(|target| target.get_mut("image.name"))
        else {
            continue;
        };
        let full: Vec<String> = names.split(',').map(full_name).collect();
        let full = full.join(",");
        if *names != full {
            *names = full;
            is_changed = true;
        }
    }
    if !is_changed {
        return None;
    }
    serde_json::to_vec_pretty(&report).ok()
}

/// An image's name with its registry and its tag: `app` is `docker.io/library/app:latest`.
fn full_name(name: &str) -> String {
    let with_registry = match name.split_once('/') {
        None => format!("docker.io/library/{name}"),
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => name.to_owned(),
        Some((first, _)) if first.chars().any(char::is_uppercase) => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
    };
    let last = with_registry.rfind('/').map_or(0, |at| at + 1);
    if with_registry[last..].contains([':', '@']) {
        with_registry
    } else {
        format!("{with_registry}:latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_docker_does() {
        for (name, full) in [
            ("app", "docker.io/library/app:latest"),
            ("app:1", "docker.io/library/app:1"),
            ("x/app", "docker.io/x/app:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("host:5000/x/app", "host:5000/x/app:latest"),
            ("example.com/app:2", "example.com/app:2"),
            (
                "docker.io/library/app:latest",
                "docker.io/library/app:latest",
            ),
        ] {
            assert_eq!(full_name(name), full);
        }
    }

    #[test]
    fn only_the_names_of_loaded_images_change() {
        let image = BakedImage {
            target: "a".to_owned(),
            names: vec!["app".to_owned()],
            shares_cache: true,
        };
        let report = br#"{"a":{"image.name":"app,x/b:1","n":1},"b":{"image.name":"b"}}"#;
        let changed = with_full_names(report, std::slice::from_ref(&image)).unwrap();
        let changed: Value = serde_json::from_slice(&changed).unwrap();
        let names = "docker.io/library/app:latest,docker.io/x/b:1";
        assert_eq!(
            changed,
            serde_json::json!({"a": {"image.name": names, "n": 1}, "b": {"image.name": "b"}})
        );
        assert_eq!(with_full_names(b"{}", std::slice::from_ref(&image)), None);
        assert_eq!(with_full_names(b"no", &[image]), None);
    }
}
