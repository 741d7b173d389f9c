//! Arbitrary command lines, names, mounts, definitions and reports, as the shim reads them: nothing panics,
//! and what is decided stays what it may be.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use cachecore::argv::{Program, parse};
use cachecore::bake::{self, Definition};
use cachecore::binds::Sources;
use cachecore::builder::{Builder, Current, Driver, instance, is_name};
use cachecore::cache::{self, Key};
use cachecore::compose::{Circumstances, Model, Version};
use cachecore::load::{self, Name};
use cachecore::pathmap::PathMap;
use cachecore::{build, compose};

use crate::lots::Lots;

/// Pieces of which words are put together.
const PIECES: [&str; 60] = [
    "build",
    "bake",
    "run",
    "create",
    "compose",
    "buildx",
    "up",
    "image",
    "container",
    "-t",
    "-f",
    "-v",
    "-e",
    "--tag",
    "--file",
    "--volume",
    "--mount",
    "--builder",
    "--load",
    "--push",
    "--output",
    "--cache-from",
    "--metadata-file",
    "--iidfile",
    "--platform",
    "--set",
    "-qt",
    "-it",
    "--",
    "-",
    "=",
    ":",
    ",",
    ".",
    "..",
    "/",
    "//",
    "@",
    "\"",
    "\"\"",
    "a",
    "app",
    "app:v1",
    "localhost:5000/a/b",
    "[::1]:5000/x",
    "docker.io/library/a",
    "@sha256:",
    "type=bind",
    "src=",
    "source=/work",
    "target=/x",
    "type=registry",
    "/work",
    "/work/a b",
    "https://x/y.git#b:c",
    "git@h:o/r.git",
    "\u{e9}",
    " ",
    "\n",
    "\u{0}",
];

fn word(lots: &mut Lots) -> Vec<u8> {
    let mut word = Vec::new();
    for _ in 0..=lots.below(3) {
        match lots.below(8) {
            0 => word.extend(lots.bytes(6)),
            _ => word.extend(lots.one_of(&PIECES).as_bytes()),
        }
    }
    word
}

fn text(lots: &mut Lots) -> String {
    String::from_utf8_lossy(&word(lots)).into_owned()
}

fn line(lots: &mut Lots) -> Vec<OsString> {
    let count = lots.below(9);
    (0..count)
        .map(|_| match lots.below(3) {
            0 => OsString::from_vec(word(lots)),
            _ => lots.one_of(&PIECES).into(),
        })
        .collect()
}

/// What buildx, bake and compose write, to be damaged.
const WRITTEN: [&str; 7] = [
    r#"{"Name":"b","Driver":"remote","Nodes":[{"Name":"b0","Endpoint":"tcp://h:1","DriverOpts":{"cacert":"/c"}}]}"#,
    r#"{"Key":"unix:///x","Name":"b","Global":false}"#,
    r#"{"group":{"default":{"targets":["a","b"]}},"target":{"a":{"context":".","tags":["x"],"output":["type=image"]},"b":{"context":".","cache-to":["type=inline"]}}}"#,
    r#"{"containerimage.config.digest":"sha256:aa","containerimage.digest":"sha256:bb","containerimage.descriptor":{"digest":"sha256:cc","size":7}}"#,
    r#"{"schemaVersion":2,"config":{"digest":"sha256:aa","size":2},"layers":[{"mediaType":"x","digest":"sha256:bb","size":3}]}"#,
    r#"{"rootfs":{"type":"layers","diff_ids":["sha256:aa"]}}"#,
    r#"{"name":"p","services":{"a":{"image":"x$$y","build":{"context":"/w","args":{"A":null,"B":"1"}},"volumes":[{"type":"bind","source":"/work","target":"/t"}],"depends_on":{"b":{"condition":"service_started"}}},"b":{"build":{"context":"/v","dockerfile_inline":"FROM a"}}},"volumes":{"v":null}}"#,
];

/// One of them, with a few bytes changed, a piece gone or twice, or noise.
fn written(lots: &mut Lots) -> Vec<u8> {
    let mut bytes = lots.one_of(&WRITTEN).as_bytes().to_vec();
    for _ in 0..lots.below(4) {
        let at = lots.below(bytes.len());
        let end = (at + lots.below(20)).min(bytes.len());
        match lots.below(5) {
            0 if at < bytes.len() => {
                bytes[at] = lots
                    .one_of(&["[", "]", "{", "}", "\"", "9", "-"])
                    .as_bytes()[0]
            }
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let word = word(lots);
                bytes.splice(at..end, word);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[test]
fn whatever_the_words_a_build_is_decided() {
    for seed in crate::seed()..crate::seed() + crate::inputs(15_000) {
        let mut lots = Lots::new(seed);
        let words = line(&mut lots);
        for program in [Program::Docker, Program::Buildx, Program::Compose] {
            let Ok(command) = parse(program, &words) else {
                continue;
            };
            let drivers = [Driver::Docker, Driver::Remote, Driver::DockerContainer];
            let builder = Builder {
                driver: drivers[lots.below(3)],
                ..Builder::of_daemon("b")
            };
            let _ = build::plan(&command, &words, &builder);
            let _ = bake::refusal(&command, &words, &builder);
            let _ = cache::usage(&command, &words, Some(OsStr::new("/work")));
            if compose::may_build(&command).is_ok() {
                let _ = compose::question(&command, &words);
            }
        }
    }
}

#[test]
fn whatever_is_written_down_is_read_or_refused() {
    for seed in crate::seed()..crate::seed() + crate::inputs(10_000) {
        let mut lots = Lots::new(seed);
        let bytes = written(&mut lots);
        let _ = (
            Current::read(&bytes).map(|current| current.name_for("key")),
            Definition::printed(&bytes).map(|read| read.selected().is_some()),
        );
        if let Some(builder) = instance(&bytes) {
            let _ = builder.way();
        }
        if let Some(definition) = Definition::resolved(&bytes) {
            let words: Vec<OsString> = vec!["bake".into()];
            let command = parse(Program::Buildx, &words).unwrap();
            let _ = bake::plan(&command, &definition);
        }
        if let Ok(built) = load::built(&bytes) {
            let (manifest, config) = (written(&mut lots), written(&mut lots));
            let _ = load::image(&built, &manifest, &config);
        }
        let _ = (cache::exported(&bytes), cache::contents(&bytes));
        if let Ok(model) = Model::read(&bytes) {
            let map = PathMap::parse(OsStr::new("/work=/data")).unwrap();
            let sources = Sources {
                map: &map,
                working_dir: OsStr::new("/work"),
                socket: None,
            };
            for (name, _) in model.services.iter() {
                let _ = model.image(name, '-');
            }
            let _ = compose::overlay(&model, &sources);
            let services: Vec<String> = model.services.keys().cloned().collect();
            let circumstances = Circumstances {
                command: &parse(Program::Compose, &["build".into()]).unwrap(),
                version: Version::read(b"2.26.1").unwrap(),
                separator: '-',
                variable: &|name| (name.len() > 1).then(|| name.to_owned()),
                output: "type=image",
            };
            if let Ok(bake) = compose::bake(&model, &services, &circumstances) {
                assert!(bake.definition.json().is_ok());
            }
        }
    }
}

#[test]
fn names_and_keys_stay_in_their_folder() {
    for seed in crate::seed()..crate::seed() + crate::inputs(20_000) {
        let mut lots = Lots::new(seed);
        let text = text(&mut lots);
        if let Ok(name) = Name::parse(&text) {
            let again = Name::parse(&name.familiar()).unwrap();
            assert_eq!(again, name, "{text:?}");
        }
        if is_name(&text) {
            assert!(
                !text.contains('/') && text != ".." && text != ".",
                "{text:?}"
            );
        }
        let context = OsString::from_vec(word(&mut lots));
        let keys = [
            Key::of_image(&text),
            Key::of_context(&context, Some(OsStr::new("/w"))),
        ];
        for key in keys.into_iter().flatten() {
            let file = key.file();
            assert!(
                file.len() <= 255 && !file.starts_with('.'),
                "{text:?}: {file}"
            );
            assert!(
                file.bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'/'),
                "{file}"
            );
            let record = Key::of_record(file.strip_suffix(".json").unwrap());
            assert_eq!(record, Some(key), "{text:?}");
        }
    }
}

#[test]
fn a_mount_keeps_all_but_its_source() {
    for seed in crate::seed()..crate::seed() + crate::inputs(20_000) {
        let mut lots = Lots::new(seed);
        let texts = [
            "/work=/data",
            "/work=/data:/work/a=/deep",
            "/=/root",
            "/work=/",
        ];
        let map =
            PathMap::parse(OsStr::new(*lots.one_of(&texts.map(|text| text).each_ref()))).unwrap();
        let sources = Sources {
            map: &map,
            working_dir: OsStr::new("/work/app"),
            socket: lots.once_in(2).then_some(OsStr::new("/s")),
        };
        let value = OsString::from_vec([word(&mut lots), b":".to_vec(), word(&mut lots)].concat());
        if let Some(mapped) = sources.volume(&value) {
            let (value, mapped) = (value.as_bytes(), mapped.as_bytes());
            let rest = &value[value.iter().position(|byte| *byte == b':').unwrap()..];
            assert!(
                mapped.ends_with(rest) && mapped.starts_with(b"/"),
                "{value:?}"
            );
        }
        let mount = [
            b"type=bind,".as_slice(),
            &word(&mut lots),
            b",",
            &word(&mut lots),
        ]
        .concat();
        let mount = OsString::from_vec(mount);
        if let Some(mapped) = sources.mount(&mount) {
            let fields = |text: &OsStr| text.as_bytes().split(|byte| *byte == b',').count();
            assert!(fields(&mapped) > 1, "{mount:?}");
        }
        let path = OsString::from_vec([b"/".as_slice(), &word(&mut lots)].concat());
        if let Some(mapped) = map.map(&path) {
            assert!(mapped.as_bytes().starts_with(b"/"), "{path:?}");
            let parts = mapped.as_bytes().split(|byte| *byte == b'/');
            assert!(parts.into_iter().all(|part| part != b".."), "{path:?}");
        }
        let _ = PathMap::parse(&path);
    }
}
