//! The functions a template can call: Go's own few and a part of Sprig's.

use super::{Data, MOST_TEXT, Value, too_long};
use crate::build::name::normalize;

/// The names [`call`] knows.
pub(super) const FUNCTIONS: &[&str] = &[
    "normalize",
    "index",
    "trimPrefix",
    "trimSuffix",
    "trimAll",
    "trim",
    "lower",
    "upper",
    "replace",
    "default",
    "coalesce",
    "splitList",
    "first",
    "last",
    "join",
    "print",
    "printf",
    "quote",
    "squote",
    "toString",
];

/// A label's value; empty when there is none. One that no rule could hold is not taken.
pub(super) fn label(data: Data<'_>, key: &str) -> Result<Value, String> {
    let text = data.labels.get(key).map(String::as_str).unwrap_or_default();
    if text.len() > MOST_TEXT {
        return Err(too_long());
    }
    Ok(Value::Text(text.to_owned()))
}

/// A value as text.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::List(list) => format!("[{}]", list.join(" ")),
        Value::Labels => "map[]".into(),
    }
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.is_empty(),
        Value::Number(number) => *number == 0,
        Value::Bool(value) => !value,
        Value::List(list) => list.is_empty(),
        Value::Labels => false,
    }
}

/// Calls a function; the subject comes last, as Sprig has it.
pub(super) fn call(function: &str, arguments: Vec<Value>, data: Data<'_>) -> Result<Value, String> {
    let wrong = |expected: &str| Err(format!("{function}: expected {expected}"));
    let text = |value: &Value| match value {
        Value::List(_) | Value::Labels => Err(format!("{function}: expected a string")),
        value => Ok(show(value)),
    };
    let one = |change: &dyn Fn(&str) -> String| match &arguments[..] {
        [value] => Ok(Value::Text(change(&text(value)?))),
        _ => wrong("one string"),
    };
    let two = |change: &dyn Fn(&str, &str) -> String| match &arguments[..] {
        [first, subject] => Ok(Value::Text(change(&text(first)?, &text(subject)?))),
        _ => wrong("two strings"),
    };
    match function {
        "normalize" => one(&normalize),
        "lower" => one(&|subject| subject.to_lowercase()),
        "upper" => one(&|subject| subject.to_uppercase()),
        "trim" => one(&|subject| subject.trim().to_owned()),
        "toString" => one(&str::to_owned),
        "quote" => one(&|subject| format!("{subject:?}")),
        "squote" => one(&|subject| format!("'{subject}'")),
        "trimPrefix" => {
            two(&|prefix, subject| subject.strip_prefix(prefix).unwrap_or(subject).to_owned())
        }
        "trimSuffix" => {
            two(&|suffix, subject| subject.strip_suffix(suffix).unwrap_or(subject).to_owned())
        }
        "trimAll" => two(&|cut, subject| subject.trim_matches(|c| cut.contains(c)).to_owned()),
        "replace" => match &arguments[..] {
            [old, new, subject] => {
                let (old, new, subject) = (text(old)?, text(new)?, text(subject)?);
                // Before it is made: each of the three may be long.
                let found = subject.matches(&*old).count();
                if found.saturating_mul(new.len()) > MOST_TEXT {
                    return Err(too_long());
                }
                Ok(Value::Text(subject.replace(&old, &new)))
            }
            _ => wrong("three strings"),
        },
        "default" => match &arguments[..] {
            [default] => Ok(default.clone()),
            [default, value] => Ok(if empty(value) { default } else { value }.clone()),
            _ => wrong("a default and a value"),
        },
        "coalesce" => {
            let found = arguments.into_iter().find(|value| !empty(value));
            Ok(found.unwrap_or_else(|| Value::Text(String::new())))
        }
        "splitList" => match &arguments[..] {
            [separator, subject] => {
                let (separator, subject) = (text(separator)?, text(subject)?);
                let parts: Vec<String> = if separator.is_empty() {
                    subject.chars().map(String::from).collect()
                } else {
                    subject.split(&*separator).map(str::to_owned).collect()
                };
                Ok(Value::List(parts))
            }
            _ => wrong("a separator and a string"),
        },
        "first" | "last" => match &arguments[..] {
            [Value::List(list)] => {
                let found = if function == "first" { list.first() } else { list.last() };
                Ok(Value::Text(found.cloned().unwrap_or_default()))
            }
            _ => wrong("a list"),
        },
        "join" => match &arguments[..] {
            [separator, Value::List(list)] => {
                let separator = text(separator)?;
                if list.len().saturating_mul(separator.len()) > MOST_TEXT {
                    return Err(too_long());
                }
                Ok(Value::Text(list.join(&separator)))
            }
            _ => wrong("a separator and a list"),
        },
        "index" => match &arguments[..] {
            [Value::Labels, key] => label(data, &text(key)?),
            [Value::List(list), Value::Number(at)] => usize::try_from(*at)
                .ok()
                .and_then(|at| list.get(at))
                .map(|part| Value::Text(part.clone()))
                .ok_or_else(|| format!("index out of range: {at}")),
            _ => wrong(".Labels and a key, or a list and a number"),
        },
        "print" => Ok(Value::Text(arguments.iter().map(show).collect())),
        "printf" => printf(&arguments),
        other => Err(format!("function {other:?} not defined")),
    }
}

fn printf(arguments: &[Value]) -> Result<Value, String> {
    let Some((Value::Text(format), mut rest)) = arguments.split_first() else {
        return Err("printf: expected a format".into());
    };
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some(verb @ ('s' | 'v' | 'd' | 'q')) => {
                let Some((value, others)) = rest.split_first() else {
                    return Err(format!("printf: no argument for %{verb}"));
                };
                rest = others;
                let shown = show(value);
                out.push_str(&if verb == 'q' { format!("{shown:?}") } else { shown });
            }
            other => {
                let verb = other.map(String::from).unwrap_or_default();
                return Err(format!("printf: %{verb} is not served; expected %s, %v, %d or %q"));
            }
        }
    }
    Ok(Value::Text(out))
}
