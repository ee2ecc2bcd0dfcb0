//! Templates that are served, and what is said about others.

use std::collections::BTreeMap;

use super::*;

fn render(text: &str) -> Result<String, String> {
    let labels = [("my.key", "value"), ("empty", ""), ("team", "blue")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let data = Data { name: "shop-web", container_name: "shop_web.1", labels: &labels };
    Template::parse(text)?.render(data)
}

#[test]
fn templates() {
    let table = [
        ("Host(`a.test`)", "Host(`a.test`)"),
        ("Host(`{{ .Name }}.test`)", "Host(`shop-web.test`)"),
        ("{{.Name}}", "shop-web"),
        ("a {{- .Name -}} b", "ashop-webb"),
        ("{{/* why */}}x", "x"),
        ("{{ normalize .ContainerName }}", "shop-web-1"),
        (r#"{{ index .Labels "my.key" }}"#, "value"),
        (r#"{{ index .Labels "absent" }}"#, ""),
        ("{{ .Labels.team }}", "blue"),
        (r#"{{ trimPrefix "shop-" .Name }}"#, "web"),
        (r#"{{ .Name | trimPrefix "shop-" | upper }}"#, "WEB"),
        (r#"{{ trimSuffix `-web` .Name }}"#, "shop"),
        (r#"{{ replace "-" "." .Name }}"#, "shop.web"),
        (r#"{{ index .Labels "empty" | default "d" }}"#, "d"),
        (r#"{{ default .Name (index .Labels "team") }}"#, "blue"),
        (r#"{{ coalesce (index .Labels "x") .Labels.team "z" }}"#, "blue"),
        (r#"{{ splitList "-" .Name | last }}"#, "web"),
        (r#"{{ first (splitList "-" .Name) }}"#, "shop"),
        (r#"{{ index (splitList "-" .Name) 1 }}"#, "web"),
        (r#"{{ splitList "-" .Name | join "." }}"#, "shop.web"),
        (r#"{{ printf "%s.%s%%" .Name "x" }}"#, "shop-web.x%"),
        (r#"{{ "}}" }}"#, "}}"),
    ];
    for (text, expected) in table {
        assert_eq!(render(text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(
        Template::standard().render(Data {
            name: "x_y",
            container_name: "",
            labels: &BTreeMap::new()
        }),
        Ok("Host(`x-y`)".into())
    );
}

#[test]
fn what_is_not_served_is_named() {
    let deep = format!("{{{{ {} }}}}", "(".repeat(10_000));
    let table = [
        ("{{ if .Name }}x{{ end }}", "\"if\""),
        ("{{ range .Labels }}", "\"range\""),
        ("{{ $x := 1 }}", "\"$x\""),
        ("{{ sha256sum .Name }}", "\"sha256sum\""),
        ("{{ .Nme }}", "\".Nme\""),
        ("{{ .Name", "unclosed action"),
        ("{{ \"x }}", "unclosed action"),
        ("{{ }}", "an empty action"),
        ("{{ .Name | }}", "an empty action or pipe"),
        ("{{ .Name | .Name }}", "must lead into a function"),
        ("{{ (upper .Name }}", "missing )"),
        ("{{ .Name .Name }}", "no function"),
        ("{{ upper .Name ) }}", "unexpected \")\""),
        ("{{ upper }}", "one string"),
        ("{{ index (splitList \"-\" .Name) 7 }}", "out of range"),
        ("{{ printf \"%x\" 1 }}", "%x is not served"),
        (&deep, "too many nested"),
    ];
    for (text, expected) in table {
        let error = render(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn templates_that_blow_up() {
    let labels = [("long", "x".repeat(40_000)), ("longer", "y".repeat(70_000))]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
    let data = Data { name: "aaaaaaaaaa", container_name: "", labels: &labels };
    let tenfold = " | replace \"a\" \"aaaaaaaaaa\"".repeat(40);
    let table = [
        (format!("{{{{ .Name{tenfold} }}}}"), "longer than"),
        ("{{ replace \"a\" .Labels.long .Name }}".into(), "longer than"),
        ("{{ splitList \"\" .Name | join .Labels.long }}".into(), "longer than"),
        ("{{ print .Labels.long .Labels.long }}".into(), "longer than"),
        ("{{ .Labels.longer | trim }}".into(), "longer than"),
        ("{{ index .Labels \"longer\" }}".into(), "longer than"),
        ("{{ .Labels.long }}".into(), "renders to more than"),
        ("{{ .Name }}".repeat(1_000), "renders to more than"),
    ];
    for (text, expected) in table {
        let error = Template::parse(&text).unwrap().render(data).unwrap_err();
        assert!(error.contains(expected), "{}: {error}", text.get(..60).unwrap_or(&text));
    }
}
