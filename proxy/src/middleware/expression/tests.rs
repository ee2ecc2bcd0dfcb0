//! What expressions mean, and what is said of bad ones.

use super::*;

#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Broken,
    Count,
    Share(i64, i64),
    At(f64),
    Name,
}

const FUNCTIONS: [Function<Asked>; 5] = [
    Function { name: "Broken", takes: &[], gives: Kind::Truth, make: |_| Some(Asked::Broken) },
    Function { name: "Count", takes: &[], gives: Kind::Whole, make: |_| Some(Asked::Count) },
    Function {
        name: "Share",
        takes: &[Kind::Whole, Kind::Whole],
        gives: Kind::Fraction,
        make: |arguments| match arguments {
            [Literal::Whole(from), Literal::Whole(to)] => Some(Asked::Share(*from, *to)),
            _ => None,
        },
    },
    Function {
        name: "At",
        takes: &[Kind::Fraction],
        gives: Kind::Whole,
        make: |arguments| match arguments {
            [Literal::Fraction(at)] => Some(Asked::At(*at)),
            _ => None,
        },
    },
    Function { name: "Name", takes: &[], gives: Kind::Text, make: |_| Some(Asked::Name) },
];

fn value(asked: &Asked) -> Value<'static> {
    match asked {
        Asked::Broken => Value::Truth(false),
        Asked::Count => Value::Whole(5),
        Asked::Share(from, to) => Value::Fraction(*from as f64 / *to as f64),
        Asked::At(at) => Value::Whole(*at as i64),
        Asked::Name => Value::Text("GET"),
    }
}

#[test]
fn meanings() {
    for (text, expected) in [
        ("Broken()", false),
        ("Broken( )", false),
        ("Count() == 5", true),
        ("Count()==5", true),
        ("Count() != 5", false),
        ("Count() < 5", false),
        ("Count() <= 5", true),
        ("Count() > 4", true),
        ("Count() >= 6", false),
        ("Count() == 005", true),
        ("Share(1, 2) == 0.5", true),
        ("Share(1,2) > .4", true),
        ("Share(1,2,) < 1.", true),
        ("Share(1,2) >= 5e-1", true),
        ("Share(0,0) == 0.0", false),
        ("Share(0,0) != 0.0", true),
        ("At(50.0) == 50", true),
        ("At(1e2) >= 100", true),
        ("Name() == \"GET\"", true),
        ("Name() == `GET`", true),
        ("Name() != \"P\\\"\\\\\\n\"", true),
        // `&&` binds more tightly than `||`.
        ("Count() == 5 || Broken() && Broken()", true),
        ("(Count() == 5 || Broken()) && Broken()", false),
        ("Broken() || Broken() || Count() == 5", true),
        ("Count() == 5 && Count() == 5 && Broken()", false),
        ("((Count())) == ((5))", true),
        (" \t(\n Count() > 1 )\n", true),
        ("Count\n()\n>\n1\n&& (Name()\n== \"GET\"\n)", true),
    ] {
        let expression = Expression::parse(text, &FUNCTIONS).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(expression.holds(&value), expected, "{text}");
    }
}

#[test]
fn said_of_bad_ones() {
    let all = "expected Broken(), Count(), Share(), At() or Name()";
    for (text, expected) in [
        ("", format!("{all} at column 1 of \"\"")),
        ("Nothing()", format!("{all} at column 1")),
        ("count() > 1", format!("{all} at column 1")),
        ("!Broken()", "expected no !: it is not understood at column 1".into()),
        ("Broken", "expected ( behind Broken at column 7".into()),
        ("Broken(", "expected ) at column 8".into()),
        ("Broken(1)", "expected ) at column 8".into()),
        ("Broken() Broken()", "expected &&, || or the end at column 10".into()),
        ("Broken() &&", format!("{all} at column 12")),
        ("Broken() & Broken()", "operator or a parenthesis at column 10".into()),
        ("Broken() == 1", "only functions are compared, on the left: expected Count()".into()),
        ("Count()", "Count() is no condition: expected it compared with a whole number".into()),
        ("Count() && Broken()", "Count() is no condition".into()),
        ("Count() > 0.5", "expected a whole number such as 5 at column 11".into()),
        ("Count() > Count()", "expected a whole number such as 5 at column 11".into()),
        ("Count() > \"5\"", "expected a whole number such as 5 at column 11".into()),
        ("Count() > -1", "operator or a parenthesis at column 11".into()),
        ("Count() > 99999999999999999999", "expected a number such as 5 or 0.5".into()),
        ("Count() > 0x10", "expected a number such as 5 or 0.5 at column 11".into()),
        ("Count() > 1_0", "expected a number such as 5 or 0.5".into()),
        ("Share(1,2) > 1e999", "expected a number such as 5 or 0.5".into()),
        ("Count() == 5 == 5", "only functions are compared".into()),
        ("5 == Count()", "only functions are compared, on the left".into()),
        ("5", "expected a condition at column 1".into()),
        ("Share(1, 2) > 1", "expected a number with a point such as 0.5 at column 15".into()),
        ("Share(1)  > 0.5", "expected a comma: Share takes 2 arguments at column 8".into()),
        ("Share(1, 2, 3) > 0.5", "expected ) at column 13".into()),
        ("Share(1, 2.0) > 0.5", "expected a whole number such as 5 for Share at column 10".into()),
        ("At(50) > 5", "expected a number with a point such as 0.5 for At at column 4".into()),
        ("Name() < \"GET\"", "expected == or != behind Name() at column 8".into()),
        ("Name() == \"GET", "expected a text that ends with \"".into()),
        ("Name() == `GET", "expected a text that ends with a backquote".into()),
        ("Name() == \"\\x\"", "expected a text without other escapes".into()),
        ("Name() == 'G'", "operator or a parenthesis at column 11".into()),
        ("(Broken()", "expected ) at column 10".into()),
        ("Broken())", "expected &&, || or the end at column 9".into()),
        ("\u{e9} > 1", "operator or a parenthesis at column 1".into()),
    ] {
        let error = Expression::parse(text, &FUNCTIONS).unwrap_err();
        assert!(error.contains(&expected), "{text}: {error}");
    }
}

#[test]
fn bounds() {
    let nested = |depth: usize| format!("{}Broken(){}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&nested(64), &FUNCTIONS).is_ok());
    let error = Expression::parse(&nested(65), &FUNCTIONS).unwrap_err();
    assert!(error.contains("at most 64 nested parentheses"), "{error}");
    let long = vec!["Broken()"; 340].join(" || ");
    assert!(long.len() <= 4096);
    assert!(!Expression::parse(&long, &FUNCTIONS).unwrap().holds(&value));
    let error = Expression::parse(&" ".repeat(4097), &FUNCTIONS).unwrap_err();
    assert!(error.contains("it has 4097 bytes; expected at most 4096"), "{error}");
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text in "[()&|=<>!,.0-9a-zA-Z\"` \\\\-]{0,60}") {
        let _ = Expression::parse(&text, &FUNCTIONS);
    }

    #[test]
    fn nothing_at_all_panics(text in "\\PC{0,60}") {
        let _ = Expression::parse(&text, &FUNCTIONS);
    }
}
