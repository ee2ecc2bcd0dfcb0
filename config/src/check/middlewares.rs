//! Middlewares: each one's options, chains flattened, and who uses what.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::trouble::Trouble;
use crate::breath::breathe;
use crate::checked::{Checked, Status};
use crate::finding::{Findings, ObjectKind, Severity};
use crate::name::QName;
use crate::routing::{Middleware, Written};
use crate::rule::go_regex::Allowance;

/// A chain of chains of chains could expand to millions. It bounds their depth, too.
pub(super) const CHAIN_LIMIT: usize = 1000;

/// So many names of a recursion are shown.
const SHOWN: usize = 10;

/// The middlewares behind one reference, chains flattened; or why there are none.
pub(super) type Flat = Result<Arc<[QName]>, Trouble>;

pub(super) struct Middlewares<'a> {
    written: BTreeMap<QName, &'a Written<Middleware>>,
    known: HashMap<QName, Flat>,
    used_by: HashMap<QName, Vec<QName>>,
    regexes: &'a RefCell<Allowance>,
}

/// A chain that is being expanded.
struct Open {
    name: QName,
    members: std::vec::IntoIter<QName>,
    flat: Vec<QName>,
}

impl<'a> Middlewares<'a> {
    pub(super) fn new(
        written: impl Iterator<Item = (QName, &'a Written<Middleware>)>,
        regexes: &'a RefCell<Allowance>,
    ) -> Self {
        let (known, used_by) = (HashMap::new(), HashMap::new());
        Self { written: written.collect(), known, used_by, regexes }
    }

    /// Notes that a router names it.
    pub(super) fn used(&mut self, name: &QName, by: &QName) {
        if self.written.contains_key(name) {
            let users = self.used_by.entry(name.clone()).or_default();
            if users.last() != Some(by) {
                users.push(by.clone());
            }
        }
    }

    /// What runs for a reference. Without recursion: the depth of chains is the users'.
    pub(super) fn flatten(&mut self, name: &QName) -> Flat {
        let mut open: Vec<Open> = Vec::new();
        let mut next = name.clone();
        loop {
            // One step down: a chain is opened, anything else has an answer at once.
            let mut answer = match self.known.get(&next) {
                Some(known) => known.clone(),
                None if open.iter().any(|open| open.name == next) => Err(recursion(&open, &next)),
                None if open.len() >= CHAIN_LIMIT => {
                    Err(Trouble::new(format!("chains nest deeper than {CHAIN_LIMIT}")))
                }
                None => match self.leaf(&next) {
                    Ok(None) => Ok([next.clone()].into()),
                    Ok(Some(members)) => {
                        let flat = Vec::new();
                        open.push(Open { name: next, members: members.into_iter(), flat });
                        Ok([].into())
                    }
                    Err(trouble) => Err(trouble),
                },
            };
            // As many steps up as chains are complete.
            loop {
                let Some(chain) = open.last_mut() else { return self.remember(name, answer) };
                match answer {
                    Ok(flat) if chain.flat.len() + flat.len() <= CHAIN_LIMIT => {
                        chain.flat.extend(flat.iter().cloned());
                        if let Some(member) = chain.members.next() {
                            next = member;
                            break;
                        }
                        answer = Ok(std::mem::take(&mut chain.flat).into());
                    }
                    Ok(_) => {
                        answer = Err(Trouble::new(format!(
                            "chain \"{}\" expands to more than {CHAIN_LIMIT} middlewares",
                            chain.name
                        )));
                    }
                    Err(_) => {}
                }
                let Some(done) = open.pop() else { return answer };
                answer = self.remember(&done.name, answer);
            }
        }
    }

    /// The service that an `errors` asks for its pages.
    pub(super) fn page(&self, name: &QName) -> Option<QName> {
        let errors = self.written.get(name)?.value.errors.as_ref()?;
        Some(QName::resolve(&errors.service, name.provider()))
    }

    /// Notes that what a middleware asks for cannot be had.
    pub(super) fn spoil(&mut self, name: &QName, trouble: &Trouble) {
        self.known.insert(name.clone(), Err(trouble.clone()));
    }

    fn remember(&mut self, name: &QName, answer: Flat) -> Flat {
        self.known.entry(name.clone()).or_insert(answer).clone()
    }

    /// `Ok(Some)`: a chain's members. `Ok(None)`: a middleware by itself.
    fn leaf(&self, name: &QName) -> Result<Option<Vec<QName>>, Trouble> {
        let Some(written) = self.written.get(name) else {
            return Err(Trouble::missing(
                format!("middleware \"{name}\" does not exist"),
                name,
                &self.written,
            ));
        };
        let value = &written.value;
        match value.kind() {
            Err(kinds) if kinds.is_empty() => Err(Trouble::new(format!(
                "invalid middleware \"{name}\" configuration: invalid middleware type or \
                 middleware does not exist"
            ))
            .expected("exactly one kind, such as addPrefix or redirectScheme")),
            Err(kinds) => Err(Trouble::new(format!(
                "cannot create middleware \"{name}\": multi-types middleware not supported, \
                 consider declaring two different pieces of middleware instead"
            ))
            .expected(format!("one of {}, not all", kinds.join(", ")))),
            Ok(kind) if !Middleware::is_kind_served(kind) => Err(Trouble::new(format!(
                "middleware \"{name}\": {kind} is not served yet, and its routers are not served \
                 without it"
            ))),
            Ok(_) => {
                let mut regexes = self.regexes.borrow_mut();
                options(value, &mut |pattern| regexes.admit(&written.origin, pattern))
                    .map_err(|text| Trouble::new(format!("middleware \"{name}\": {text}")))?;
                let chain = value.chain.as_ref().map(|chain| {
                    let member = |reference: &String| QName::resolve(reference, name.provider());
                    chain.middlewares.iter().map(member).collect()
                });
                Ok(chain)
            }
        }
    }

    /// All middlewares as the API shows them. A broken one is disabled once somebody uses it.
    pub(super) fn finish(
        mut self,
        findings: &mut Findings,
    ) -> BTreeMap<QName, Checked<Middleware>> {
        let written = std::mem::take(&mut self.written);
        written
            .into_iter()
            .map(|(name, written)| {
                breathe();
                let used_by = self.used_by.remove(&name).unwrap_or_default();
                let mut value = Arc::clone(&written.value);
                if value.chain.is_some()
                    && let Some(chain) = &mut Arc::make_mut(&mut value).chain
                {
                    for member in &mut chain.middlewares {
                        *member = QName::resolve(member, name.provider()).to_string();
                    }
                }
                let mut checked = Checked {
                    value,
                    origin: written.origin.clone(),
                    status: Status::Enabled,
                    errors: Vec::new(),
                    used_by,
                    using: Vec::new(),
                    priority: 0,
                };
                if let Some(Err(trouble)) = self.known.get(&name) {
                    checked.status = Status::Disabled;
                    checked.errors.push(trouble.text.clone());
                    findings.push(trouble.finding(
                        Severity::Error,
                        &written.origin,
                        ObjectKind::Middleware,
                        name.to_string(),
                    ));
                }
                (name, checked)
            })
            .collect()
    }
}

fn recursion(open: &[Open], again: &QName) -> Trouble {
    let from = open.iter().position(|open| open.name == *again).unwrap_or_default();
    let circle = open.get(from..).unwrap_or_default();
    let mut names: Vec<String> =
        circle.iter().take(SHOWN).map(|open| open.name.to_string()).collect();
    if circle.len() > SHOWN {
        names.push("...".into());
    }
    names.push(again.to_string());
    Trouble::new(format!(
        "could not instantiate middleware {again}: recursion detected in {}",
        names.join("->")
    ))
}

/// Says of a regular expression whether it can be had.
type Admit<'a> = dyn FnMut(&str) -> Result<(), String> + 'a;

/// The same of an option's, by its name.
fn named(option: &str, pattern: &str, regex: &mut Admit<'_>) -> Result<(), String> {
    regex(pattern).map_err(|error| format!("{option}: {error}"))
}

/// The same of a list of them.
fn each(option: &str, patterns: &[String], regex: &mut Admit<'_>) -> Result<(), String> {
    let mut each = patterns.iter().enumerate();
    each.try_for_each(|(number, it)| named(&format!("{option}[{number}]"), it, regex))
}

/// What can be said of the options without building the middleware.
fn options(value: &Middleware, regex: &mut Admit<'_>) -> Result<(), String> {
    if let Some(add) = &value.add_prefix
        && add.prefix.is_empty()
    {
        return Err("prefix cannot be empty".into());
    }
    if let Some(redirect) = &value.redirect_scheme
        && redirect.scheme.is_empty()
    {
        return Err("you must provide a target scheme".into());
    }
    if let Some(redirect) = &value.redirect_regex {
        named("regex", &redirect.regex, regex)?;
    }
    if let Some(replace) = &value.replace_path_regex {
        named("regex", replace.regex.trim(), regex)?;
    }
    if let Some(strip) = &value.strip_prefix_regex {
        each("regex", &strip.regex, regex)?;
    }
    if let Some(forward) = &value.forward_auth
        && !forward.auth_response_headers_regex.is_empty()
    {
        named("authResponseHeadersRegex", &forward.auth_response_headers_regex, regex)?;
    }
    if let Some(headers) = &value.headers {
        if !headers.is_defined() {
            return Err("headers configuration not valid: no option is set".into());
        }
        let origins = &headers.access_control_allow_origin_list_regex;
        each("accessControlAllowOriginListRegex", origins, regex)?;
    }
    Ok(())
}
