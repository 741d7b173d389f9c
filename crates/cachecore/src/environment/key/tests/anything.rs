//! Whatever the inputs are: what matters changes a key, and nothing else does.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::*;
use crate::environment::materials::File;
use crate::environment::spec::{Cpus, Network, Run, Script, SecretSource};

/// What keys are made of.
#[derive(Debug, Clone)]
struct World {
    spec: Spec,
    materials: Materials,
    base: Base,
}

impl World {
    fn keys(&self) -> Vec<StageKey> {
        keys(&self.spec, &self.materials, &self.base)
    }
}

fn word() -> impl Strategy<Value = String> {
    "[a-z]{1,6}"
}

fn file() -> impl Strategy<Value = File> {
    (word(), any::<bool>(), vec(any::<u8>(), 0..40)).prop_map(|(path, executable, bytes)| File {
        path: path.into(),
        executable,
        bytes,
    })
}

fn stage(at: usize) -> impl Strategy<Value = (Stage, Files)> {
    let files = (file(), vec(file(), 0..3));
    let said = (
        proptest::option::of(word()),
        proptest::collection::btree_map("[A-D]", word(), 0..3),
        proptest::collection::btree_set(Just("npm".to_owned()), 0..2),
        proptest::option::of(prop_oneof![Just(Network::None), Just(Network::Host)]),
    );
    (files, said).prop_map(
        move |((script, mut sources), (user, args, secrets, network))| {
            // Each file once, as a spec has it.
            sources.sort_by(|a, b| a.path.cmp(&b.path));
            sources.dedup_by(|a, b| a.path == b.path);
            sources.retain(|source| source.path != script.path);
            let stage = Stage {
                name: format!("s{at}").parse().unwrap(),
                script: Script::File(script.path.clone()),
                sources: sources.iter().map(|file| file.path.clone()).collect(),
                user,
                args,
                secrets: secrets.into_iter().collect(),
                network,
                cached: true,
            };
            (stage, Files { script, sources })
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    let stages = (stage(0), stage(1), stage(2));
    (stages, proptest::option::of(word()), word()).prop_map(|((a, b, c), user, id)| {
        let text = "{version: 1, image: debian, secrets: {npm: {env: A}}, run: {inline: x}}";
        let mut spec = Spec::parse(text, "web.yaml").unwrap();
        let mut materials = Materials::gather(&spec, |_| Err(())).unwrap();
        for (stage, files) in [a, b, c] {
            spec.stages.push(stage);
            materials.stages.push(files);
        }
        spec.user = user;
        let base = Base {
            name: "debian".to_owned(),
            id: format!("sha256:{id}"),
            user: String::new(),
        };
        World {
            spec,
            materials,
            base,
        }
    })
}

/// Changes that matter to the stage at this place. Each says whether it changed anything.
const RELEVANT: &[fn(&mut World, usize, Index) -> bool] = &[
    |world, at, byte| {
        let bytes = &mut world.materials.stages[at].script.bytes;
        bytes.insert(byte.index(bytes.len() + 1), b'x');
        true
    },
    |world, at, _| world.materials.stages[at].script.bytes.pop().is_some(),
    |world, at, _| {
        let script = &mut world.materials.stages[at].script;
        script.executable = !script.executable;
        true
    },
    |world, at, _| {
        let script = &mut world.materials.stages[at].script;
        script.path = format!("{}0", script.path).into();
        true
    },
    |world, at, which| {
        let sources = &mut world.materials.stages[at].sources;
        if sources.is_empty() {
            return false;
        }
        let which = which.index(sources.len());
        sources[which].bytes.push(0);
        true
    },
    |world, at, which| {
        let sources = &mut world.materials.stages[at].sources;
        if sources.is_empty() {
            return false;
        }
        let which = which.index(sources.len());
        sources[which].executable = !sources[which].executable;
        true
    },
    |world, at, _| {
        let sources = &mut world.materials.stages[at].sources;
        sources.push(File {
            path: "added".into(),
            ..File::default()
        });
        true
    },
    |world, at, _| world.materials.stages[at].sources.pop().is_some(),
    |world, at, _| {
        let user = world.spec.stages[at].user.get_or_insert_default();
        user.push('0');
        true
    },
    |world, at, _| {
        let args = &mut world.spec.stages[at].args;
        args.entry("A".to_owned()).or_default().push('0');
        true
    },
    |world, at, _| {
        let args = &mut world.spec.stages[at].args;
        args.insert("E".to_owned(), String::new()).is_none()
    },
    |world, at, _| world.spec.stages[at].args.pop_last().is_some(),
    |world, at, _| {
        let stage = &mut world.spec.stages[at];
        let other = match stage.network {
            Some(Network::None) => Network::Host,
            _ => Network::None,
        };
        stage.network = Some(other);
        true
    },
    |world, at, _| {
        let secrets = &mut world.spec.stages[at].secrets;
        match secrets.pop() {
            Some(_) => {}
            None => secrets.push("npm".to_owned()),
        }
        true
    },
];

/// Changes that matter to all stages.
const TO_ALL: &[fn(&mut World)] = &[
    |world| world.base.id.push('0'),
    |world| world.spec.platform = Some("linux/arm64".to_owned()),
];

/// Changes that matter to none.
const IRRELEVANT: &[fn(&mut World, usize)] = &[
    |world, _| world.spec.name = "other".parse().unwrap(),
    |world, _| world.spec.run = None,
    |world, _| {
        let run = world.materials.run.get_or_insert_default();
        run.script.bytes.push(b'x');
        world.spec.run = Some(Run {
            script: Script::Inline("x".to_owned()),
            sources: vec!["more".into()],
        });
    },
    |world, _| {
        let environment = &mut world.spec.environment;
        environment.insert("A".to_owned(), "b".to_owned());
    },
    |world, _| world.spec.limits.cpus = Cpus::parse("2"),
    |world, _| {
        let secret = SecretSource::File("other".into());
        world.spec.secrets.insert("npm".to_owned(), secret);
    },
    |world, _| {
        let secret = SecretSource::Env("B".to_owned());
        world.spec.secrets.insert("unused".to_owned(), secret);
    },
    |world, _| world.base.name.push_str(":latest"),
    |world, _| world.base.user.push_str("dev"),
    |world, at| world.spec.stages[at].name = "renamed".parse().unwrap(),
    |world, at| world.materials.stages[at].sources.reverse(),
    |world, at| world.spec.stages[at].cached = false,
    // The same, said of all instead of each, or of each instead of all.
    |world, _| {
        for stage in &mut world.spec.stages {
            stage.user = stage.user.take().or_else(|| world.spec.user.clone());
            stage.network = stage.network.or(Some(world.spec.network));
        }
        world.spec.user = None;
        world.spec.network = Network::Host;
        if world.spec.stages.iter().all(|stage| stage.user.is_some()) {
            world.spec.user = Some("nobody".to_owned());
        }
    },
];

proptest! {
    #[test]
    fn any_change_that_matters_changes_the_keys_from_there_on(
        world in world(),
        at in 0..3_usize,
        change in any::<Index>(),
        place in any::<Index>(),
    ) {
        let change = change.get(RELEVANT);
        let before = world.keys();
        let mut changed = world;
        if change(&mut changed, at, place) {
            let after = changed.keys();
            prop_assert_eq!(&before[..at], &after[..at]);
            for above in at..3 {
                prop_assert_ne!(before[above], after[above], "stage {}", above);
            }
        }
    }

    #[test]
    fn a_change_to_all_stages_changes_all_keys(world in world(), change in any::<Index>()) {
        let before = world.keys();
        let mut changed = world;
        change.get(TO_ALL)(&mut changed);
        for (before, after) in before.iter().zip(changed.keys()) {
            prop_assert_ne!(*before, after);
        }
    }

    #[test]
    fn no_change_that_does_not_matter_changes_a_key(
        world in world(),
        changes in vec((any::<Index>(), 0..3_usize), 1..5),
    ) {
        let before = world.keys();
        let mut changed = world;
        for (change, at) in changes {
            change.get(IRRELEVANT)(&mut changed, at);
        }
        prop_assert_eq!(before, changed.keys());
    }

    #[test]
    fn what_explain_says_differs_if_and_only_if_the_key_does(one in world(), other in world()) {
        let of = |world: &World| inputs(&world.spec, &world.materials, &world.base);
        for (one, other) in of(&one).iter().zip(&of(&other)) {
            prop_assert_eq!(difference(one, other).is_some(), one.key != other.key);
            prop_assert_eq!(difference(one, one), None);
        }
    }

    /// The same bytes in the same order, cut at other places, are other inputs.
    #[test]
    fn no_byte_can_move_from_one_input_into_another(
        bytes in vec(prop_oneof![Just(0_u8), Just(b'a'), any::<u8>()], 0..24),
        cuts in vec(any::<Index>(), 1..6),
        others in vec(any::<Index>(), 1..6),
    ) {
        let parts = |cuts: &[Index]| {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let parts = places.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec());
            parts.collect::<Vec<_>>()
        };
        let digest = |parts: &[Vec<u8>]| {
            let values = parts.iter().map(|part| Valued {
                kind: Kind::Arg,
                name: "",
                bytes: part.clone(),
            });
            encoded(&values.collect::<Vec<_>>())
        };
        let (one, other) = (parts(&cuts), parts(&others));
        prop_assert_eq!(one == other, digest(&one) == digest(&other));
    }

    #[test]
    fn a_name_is_no_part_of_a_value(name in "[a-z]{1,8}", value in "[a-z]{0,8}", cut in any::<Index>()) {
        let valued = |name, value: &str| Valued {
            kind: Kind::Arg,
            name,
            bytes: value.as_bytes().to_vec(),
        };
        let cut = cut.index(name.len());
        let moved = format!("{}{value}", &name[cut..]);
        let one = encoded(&[valued(&name, &value)]);
        prop_assert_ne!(one, encoded(&[valued(&name[..cut], &moved)]));
        let kind = Valued { kind: Kind::Secret, ..valued(&name, &value) };
        prop_assert_ne!(one, encoded(&[kind]));
    }

    #[test]
    fn a_digest_is_read_as_it_is_written(bytes in vec(any::<u8>(), 0..40)) {
        let digest = Digest::of(&bytes);
        prop_assert_eq!(digest.to_string().parse(), Ok(digest));
        let json = serde_json::to_string(&digest).unwrap();
        prop_assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
    }
}
