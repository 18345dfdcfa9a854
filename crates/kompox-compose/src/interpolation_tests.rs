//! Vectors of the interpolation rules: `SET` is "value", `EMPTY` is empty, `UNSET` is not defined.

use proptest::prelude::*;

use super::{InterpolationError, InterpolationErrorKind as Kind, interpolate};

fn lookup(name: &str) -> Option<String> {
    match name {
        "SET" | "_x1" => Some("value".to_owned()),
        "EMPTY" => Some(String::new()),
        "DOLLAR" => Some("$SET".to_owned()),
        _ => None,
    }
}

#[test]
fn results() {
    for (text, expected) in [
        ("plain", "plain"),
        ("$SET", "value"),
        ("${SET}", "value"),
        ("$SET/x $_x1", "value/x value"),
        ("$SETx", ""),
        ("${SET}x", "valuex"),
        ("é$SET…", "évalue…"),
        ("$$SET", "$SET"),
        ("$$$SET", "$value"),
        ("$$$$", "$$"),
        ("$", "$"),
        ("$ $1 $-{ 5$", "$ $1 $-{ 5$"),
        ("$DOLLAR", "$SET"),
        ("${UNSET:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${SET:-d}", "value"),
        ("${UNSET-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${UNSET:-}", ""),
        ("${UNSET-}", ""),
        ("${SET:+x}", "x"),
        ("${EMPTY:+x}", ""),
        ("${UNSET:+x}", ""),
        ("${SET+x}", "x"),
        ("${EMPTY+x}", "x"),
        ("${UNSET+x}", ""),
        ("${SET:?no}", "value"),
        ("${SET?no}", "value"),
        ("${EMPTY?no}", ""),
        ("${UNSET:-a:b}", "a:b"),
        ("${UNSET-a:-b?c}", "a:-b?c"),
        ("${UNSET:-a-b+c}", "a-b+c"),
        ("${UNSET:-${SET}}", "value"),
        ("${UNSET:-${EMPTY:-${UNSET-c}}}d", "cd"),
        ("${UNSET:-$SET-$$}", "value-$"),
        ("${UNSET:-{\"a\": {}}}", "{\"a\": {}}"),
        ("${UNSET:-{}", "{"),
        ("${SET:-${}}", "value"),
        ("${SET:+${UNSET:-{}}}", "{}"),
        ("${UNSET:- a b }", " a b "),
    ] {
        let result = interpolate(text, &lookup).map(|done| done.text);
        assert_eq!(result.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn unset_variables_are_reported_with_their_place() {
    let done = interpolate("a $B ${C} ${D-} ${E:-$F}", &lookup).unwrap();
    assert_eq!(done.unset, [("B".to_owned(), 2..4), ("C".to_owned(), 5..9), ("F".to_owned(), 21..23)]);
}

#[test]
fn errors() {
    let required =
        |name: &str, reason: &str| Kind::Required { name: name.to_owned(), reason: reason.to_owned() };
    for (text, range, kind) in [
        ("a ${", 2..4, Kind::Unclosed),
        ("${SET", 0..5, Kind::Unclosed),
        ("${SET:-a\n}", 0..8, Kind::Unclosed),
        ("${}", 0..3, Kind::Malformed),
        ("x ${ SET}", 2..9, Kind::Malformed),
        ("${SET }", 0..7, Kind::Malformed),
        ("${SET!}", 0..7, Kind::Malformed),
        ("${SET:}", 0..7, Kind::Malformed),
        ("${env:SET}", 0..10, Kind::Malformed),
        ("${1}", 0..4, Kind::Malformed),
        ("${UNSET:-${}}", 9..12, Kind::Malformed),
        ("${UNSET?}", 0..9, required("UNSET", "")),
        ("${EMPTY:?give $SET}", 0..19, required("EMPTY", "give value")),
        ("${UNSET?${UNSET?inner}}", 8..22, required("UNSET", "inner")),
    ] {
        assert_eq!(interpolate(text, &lookup), Err(InterpolationError { range, kind }), "{text}");
    }
}

#[test]
fn nesting_and_growth_are_bounded() {
    let nested = format!("{}x{}", "${A:-".repeat(5000), "}".repeat(5000));
    assert_eq!(interpolate(&nested, &lookup).unwrap_err().kind, Kind::TooLarge);
    let long = "v".repeat(100_000);
    let growing = "$A".repeat(5000);
    assert_eq!(interpolate(&growing, &|_| Some(long.clone())).unwrap_err().kind, Kind::TooLarge);
}

proptest! {
    #[test]
    fn text_without_a_dollar_stays(text in "[^$]{0,60}") {
        prop_assert_eq!(interpolate(&text, &lookup).unwrap().text, text);
    }

    #[test]
    fn doubled_dollars_are_literal(text in "\\PC{0,40}") {
        let escaped = text.replace('$', "$$");
        prop_assert_eq!(interpolate(&escaped, &lookup).unwrap().text, text);
    }

    #[test]
    fn never_panics_and_blames_a_part_of_the_text(text in "([${}:?+\\-A-Cé \n]|SET|UNSET|\\PC){0,40}") {
        match interpolate(&text, &lookup) {
            Ok(done) => for (_, range) in done.unset { prop_assert!(text[range].starts_with('$')); },
            Err(error) => prop_assert_eq!(text[error.range].get(..2), Some("${")),
        }
    }
}
