use super::*;

#[test]
fn a_description_is_cut_between_characters() {
    let fits = "ä".repeat(140);
    assert_eq!(shortened(&fits), fits);
    let cut = shortened(&"ä".repeat(141));
    assert_eq!((cut.chars().count(), cut.chars().last()), (140, Some('…')));
}
