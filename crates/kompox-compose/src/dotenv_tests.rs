//! Vectors of the `.env` syntax.

use proptest::prelude::*;

use super::{DotenvErrorKind as Kind, parse};

fn outside(name: &str) -> Option<String> {
    (name == "OUT").then(|| "outer".to_owned())
}

fn values(text: &str) -> Vec<(String, String)> {
    let (found, errors) = parse(text, &outside, &|_| None);
    assert_eq!(errors, [], "{text:?}");
    found.into_iter().map(|one| (one.name, one.value)).collect()
}

#[test]
fn one_value() {
    for (text, expected) in [
        ("A=1", "1"),
        ("A = 1 ", "1"),
        ("A: yaml", "yaml"),
        ("export A=1", "1"),
        ("export\tA=1", "1"),
        ("\u{a0}A=1", "1"),
        ("A=", ""),
        ("A=a b  # comment", "a b"),
        ("A=a#b", "a#b"),
        ("A= # kept", "# kept"),
        ("A=\"x y\" # comment", "x y"),
        ("A='it\\'s $OUT \\n'", "it's $OUT \\n"),
        ("A=\"two\nlines\"", "two\nlines"),
        ("A='two\nlines'", "two\nlines"),
        ("A=\"a\\nb\\t\\\"c\\\" \\$OUT \\\\ \\x\"", "a\nb\t\"c\" $OUT \\ \\x"),
        ("A=\"\\0101 \\012\"", "A \\012"),
        ("A=$OUT-${OUT}", "outer-outer"),
        ("A=${NO:-d}", "d"),
        ("A=$$OUT", "$OUT"),
        ("A=x\r\n", "x"),
        ("A=\"\"", ""),
        ("# c\n\n  A=1\n#c", "1"),
        ("A=b=c:d", "b=c:d"),
    ] {
        assert_eq!(values(text), [("A".to_owned(), expected.to_owned())], "{text:?}");
    }
}

#[test]
fn names_inheritance_and_order() {
    let pairs = |text: &str| {
        values(text).into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(pairs("OUT\nNO\nA.b-c_1=x\nexported=1"), "OUT=outer A.b-c_1=x exported=1");
    assert_eq!(pairs("A=1\nB=$A$A\nA=2\nC=$A"), "A=1 B=11 A=2 C=2");
    assert_eq!(pairs("OUT=inner\nB=$OUT"), "OUT=inner B=outer", "outside wins over the file");
}

#[test]
fn unset_variables_are_reported() {
    let (found, errors) = parse("A=$NO.${OUT}\n", &outside, &|_| None);
    assert_eq!(found[0].value, ".outer");
    assert_eq!(errors[0].kind, Kind::Unset("NO".to_owned()));
}

#[test]
fn growth_is_bounded() {
    let text = format!("A={}\n{}", "0123456789".repeat(100), "A=$A$A\n".repeat(40));
    let (_, errors) = parse(&text, &outside, &|_| None);
    assert!(matches!(errors[0].kind, Kind::Interpolation(_)), "{:?}", errors[0]);
    let text = format!("A={}\n{}", "0123456789".repeat(50_000), "B=$A$A\n".repeat(40));
    assert!(parse(&text, &outside, &|_| None).1.iter().any(|error| error.kind == Kind::TooLarge));
}

#[test]
fn errors_have_a_place_and_the_rest_is_read() {
    let text = "A B=1\nC!=2\n=3\nD='x' y\nE=${}\nF=ok\nG=\"open\nH=1";
    let (found, errors) = parse(text, &outside, &|_| None);
    let seen: Vec<_> = errors.iter().map(|error| &text[error.range.clone()]).collect();
    assert_eq!(seen, ["A B", "!", "=", "y", "${}", "\"open"]);
    assert!(matches!(errors[0].kind, Kind::BlankInName));
    assert!(matches!(errors[1].kind, Kind::BadCharacter('!')));
    assert!(matches!(errors[2].kind, Kind::NoName));
    assert!(matches!(errors[3].kind, Kind::AfterQuote));
    assert!(matches!(errors[4].kind, Kind::Interpolation(_)));
    assert!(matches!(errors[5].kind, Kind::OpenQuote));
    assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["F", "H"]);
}

proptest! {
    #[test]
    fn never_panics(text in "([A-C=:#'\"\\\\$ {}\n\r\t-]|export |\\PC){0,60}") {
        let (found, errors) = parse(&text, &outside, &|_| None);
        for range in found.iter().map(|one| &one.range).chain(errors.iter().map(|error| &error.range)) {
            prop_assert!(text.get(range.clone()).is_some());
        }
    }

    #[test]
    fn single_quotes_are_literal(value in "[^'\\\\]{0,40}") {
        prop_assert_eq!(values(&format!("A='{value}'")), [("A".to_owned(), value)]);
    }
}
