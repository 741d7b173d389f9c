use cachecore::id::Generation;
use cachecore::record::Status;
use goldenstore::ErrorClass;

use super::*;
use crate::keeper::refused;

#[test]
fn a_golden_that_is_removed_takes_what_only_it_needs() {
    let keeper = with_generations(3);
    keeper.import("web", &marked(9));
    let expected = Model::of(&keeper)
        .without("golden/api/gen-000001")
        .without("golden/api/gen-000002")
        .without("golden/api/gen-000003")
        .without("golden/api/current")
        .without_unneeded_layers();
    let report = keeper
        .store
        .remove_golden(&project("api"), &Silent)
        .unwrap();
    assert_eq!(report.generations.len(), 3);
    assert!(report.layers >= 6 && report.bytes > 0, "{report:?}");
    assert_eq!(report.failed, Vec::<Unjudged>::new());
    expected.assert_is(&keeper);
    keeper.assert_tidy();
    assert_eq!(keeper.status("api"), Status::None);
    let error = refused(keeper.store.remove_golden(&project("api"), &Silent));
    assert!(matches!(error, StoreError::NoGolden { .. }), "{error}");
    let error = refused(keeper.store.remove_golden(&project("nobody"), &Silent));
    assert!(
        matches!(error, StoreError::UnknownProject { .. }),
        "{error}"
    );
    assert_eq!(error.class(), ErrorClass::NotFound);
    keeper.start("web", "s1");
    assert_eq!(crate::concurrency::in_image(&keeper.data_root("s1")), "9");
}

#[test]
fn a_golden_that_sessions_were_cloned_from_is_not_removed() {
    let keeper = with_generations(1);
    keeper.start("api", "s1");
    keeper.import("api", &marked(2));
    let before = keeper.checksum();
    let error = refused(keeper.store.remove_golden(&project("api"), &Silent));
    assert_eq!(error.class(), ErrorClass::Busy);
    assert!(error.to_string().contains("s1"), "{error}");
    let one = |number| {
        keeper
            .store
            .remove_generation(&project("api"), Generation::new(number), &Silent)
    };
    assert_eq!(refused(one(1)).class(), ErrorClass::Busy);
    assert_eq!(refused(one(2)).class(), ErrorClass::Usage, "it serves");
    assert_eq!(
        refused(one(7)).class(),
        ErrorClass::Usage,
        "it is not there"
    );
    before.assert_same(&keeper.checksum(), "the store");
    keeper.remove("s1").unwrap();
    let expected = Model::of(&keeper)
        .without("golden/api/gen-000001")
        .without_unneeded_layers();
    assert_eq!(one(1).unwrap().generations, [Generation::new(1)]);
    expected.assert_is(&keeper);
}
