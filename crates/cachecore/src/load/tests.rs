use super::*;

fn digest_of(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

/// An image of two layers, as a builder describes it.
fn described() -> (Built, Vec<u8>, Vec<u8>) {
    let config = serde_json::json!({
        "architecture": "amd64",
        "rootfs": { "type": "layers", "diff_ids": [digest_of('a'), digest_of('b')] },
    });
    let config = config.to_string().into_bytes();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "config": { "digest": sha256(&config), "size": config.len() },
        "layers": [
            { "digest": digest_of('1'), "size": 10 },
            { "digest": digest_of('2'), "size": 20 },
        ],
    });
    let manifest = manifest.to_string().into_bytes();
    let built = Built {
        config: sha256(&config),
        manifest: sha256(&manifest),
    };
    (built, manifest, config)
}

#[test]
fn chain_ids_are_those_of_the_image_spec() {
    // Of "a" and "b" as the formula says, computed with sha256sum.
    let diff_ids = [digest_of('a'), digest_of('b')];
    let chain = chain_ids(&diff_ids);
    assert_eq!(chain[0], digest_of('a'));
    assert_eq!(
        chain[1],
        "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c"
    );
}

#[test]
fn only_what_the_daemon_lacks_is_sent() {
    let (built, manifest, config) = described();
    let image = image(&built, &manifest, &config).unwrap();
    let blobs = |known: &[&String]| -> Vec<String> {
        let known = known.iter().map(|chain| (*chain).clone()).collect();
        let entries = thin(&image, &config, &[Name::parse("app").unwrap()], &known);
        let blobs = entries.into_iter().filter_map(|entry| match entry.source {
            Source::Blob(digest) => Some(digest),
            Source::Bytes(_) => None,
        });
        blobs.collect()
    };
    let [low, high] = [&image.layers[0].chain_id, &image.layers[1].chain_id];
    assert_eq!(blobs(&[]), [digest_of('1'), digest_of('2')]);
    assert_eq!(blobs(&[low]), [digest_of('2')]);
    assert_eq!(blobs(&[low, high]), [] as [String; 0]);
}

#[test]
fn containerd_s_store_is_asked_by_blobs_and_told_each_name() {
    let (built, manifest, config) = described();
    let image = image(&built, &manifest, &config).unwrap();
    let archive = |names: &[&str], known: &[&String]| {
        let names: Vec<_> = names
            .iter()
            .map(|name| Name::parse(name).unwrap())
            .collect();
        let known = known.iter().map(|digest| (*digest).clone()).collect();
        layout(&image, &manifest, &config, &names, &known)
    };
    let entries = archive(&["app", "h:1/b:c"], &[&image.layers[0].digest]);
    let files: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let blob = |digest: &str| format!("blobs/{}", digest.replace(':', "/"));
    let (described, own) = (blob(&built.manifest), blob(&built.config));
    let layer = blob(&digest_of('2'));
    assert_eq!(
        files,
        ["oci-layout", "index.json", &described, &own, &layer]
    );
    let index = |entry: &Entry| match &entry.source {
        Source::Bytes(bytes) => serde_json::from_slice::<serde_json::Value>(bytes).unwrap(),
        Source::Blob(digest) => panic!("{digest}"),
    };
    let named = index(&entries[1]);
    let named = named["manifests"].as_array().unwrap();
    let names = named
        .iter()
        .map(|one| one["annotations"]["io.containerd.image.name"].clone());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["docker.io/library/app:latest", "h:1/b:c"]
    );
    assert!(
        named
            .iter()
            .all(|one| one["digest"] == built.manifest.as_str())
    );
    let nameless = index(&archive(&[], &[])[1]);
    assert_eq!(nameless["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(nameless["manifests"][0].get("annotations"), None);
}

#[test]
fn an_image_s_id_is_its_configuration_s_digest_or_its_manifest_s() {
    let (built, ..) = described();
    assert_eq!(built.id(Store::Classic), built.config);
    assert_eq!(built.id(Store::Containerd), built.manifest);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let (built, manifest, config) = described();
    let mut other = built.clone();
    other.config = digest_of('c');
    assert!(matches!(
        image(&other, &manifest, &config),
        Err(LoadError::Mismatch(_))
    ));
    assert!(matches!(
        image(&built, &manifest, b"{}"),
        Err(LoadError::Mismatch(_))
    ));
}

#[test]
fn a_report_names_one_image_or_none() {
    let (one, other) = (digest_of('a'), digest_of('b'));
    let report = |text: &str| super::built(text.as_bytes());
    let whole = format!(
        r#"{{"buildx.build.ref":"x","containerimage.config.digest":"{one}","containerimage.digest":"{other}"}}"#
    );
    assert_eq!(report(&whole).unwrap().config, one);
    let index = format!(r#"{{"containerimage.digest":"{other}"}}"#);
    assert_eq!(report(&index), Err(LoadError::NotOne));
    assert_eq!(report("{}"), Err(LoadError::NotOne));
    assert!(matches!(report(""), Err(LoadError::Unreadable { .. })));
    let wrong = whole.replace(&one, "sha256:../../etc");
    assert!(matches!(report(&wrong), Err(LoadError::Digest(_))));
}

#[test]
fn headers_are_tar() {
    let header = header("blobs/sha256/x", 3);
    assert_eq!(&header[..14], b"blobs/sha256/x");
    assert_eq!(&header[124..136], b"00000000003\0");
    let mut summed = header;
    summed[148..156].fill(b' ');
    let sum: u32 = summed.iter().map(|byte| u32::from(*byte)).sum();
    assert_eq!(&header[148..156], format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(
        super::header("x", 1 << 40)[124..136],
        [0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    );
    assert_eq!(padding(3).len(), 509);
    assert_eq!(padding(512).len(), 0);
}
