//! Tokens -> syntax tree. Precedence and De Morgan; depth and size bounded.

use super::lexer::{Lexer, Place, Token};
use super::matchers;
use super::{Expr, RuleError, Syntax, v2};

/// The longest rule, in bytes. A host takes some twenty.
const LENGTH_LIMIT: usize = 1 << 20;

/// The deepest parentheses: the parser and those who walk the tree recurse.
const DEPTH_LIMIT: usize = 100;

/// Whether a regular expression can be had, or why not.
pub(super) type Admit<'a> = dyn FnMut(&str) -> Result<(), String> + 'a;

pub(super) fn parse(rule: &str, syntax: Syntax, regex: &mut Admit<'_>) -> Result<Expr, RuleError> {
    if rule.len() > LENGTH_LIMIT {
        let start = Place { line: 1, column: 1 };
        return Err(start.error(format!(
            "the rule is {} bytes long; expected at most {LENGTH_LIMIT}",
            rule.len()
        )));
    }
    let mut lexer = Lexer::new(rule);
    let (token, place) = lexer.next()?;
    let mut parser = Parser { lexer, token, place, depth: 0, syntax, regex };
    let expr = parser.or(false)?;
    // One newline may follow the whole rule.
    if parser.token == Token::Newline {
        parser.advance()?;
    }
    match parser.token {
        Token::End => Ok(expr),
        Token::Text(_) | Token::Word(_) | Token::Open | Token::Not => {
            Err(parser.expected("'&&' or '||'"))
        }
        _ => Err(parser.expected("'&&', '||' or the end of the rule")),
    }
}

struct Parser<'r, 'a, 'b> {
    lexer: Lexer<'r>,
    token: Token<'r>,
    place: Place,
    depth: usize,
    syntax: Syntax,
    regex: &'a mut Admit<'b>,
}

impl<'r> Parser<'r, '_, '_> {
    fn advance(&mut self) -> Result<Token<'r>, RuleError> {
        let (token, place) = self.lexer.next()?;
        self.place = place;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn expected(&self, what: &str) -> RuleError {
        let hint = match self.token {
            Token::Other("&" | "|") | Token::Word("and" | "AND" | "or" | "OR" | "not" | "NOT") => {
                "; the operators are '&&', '||' and '!'"
            }
            Token::Newline => "; break the line after an operator, '(' or ','",
            _ => "",
        };
        self.place.error(format!("found {}; expected {what}{hint}", self.token.found()))
    }

    fn or(&mut self, negated: bool) -> Result<Expr, RuleError> {
        let mut parts = vec![self.and(negated)?];
        while self.token == Token::Or {
            self.advance()?;
            parts.push(self.and(negated)?);
        }
        Ok(balanced(parts, if negated { Expr::And } else { Expr::Or }))
    }

    fn and(&mut self, negated: bool) -> Result<Expr, RuleError> {
        let mut parts = vec![self.unary(negated)?];
        while self.token == Token::And {
            self.advance()?;
            parts.push(self.unary(negated)?);
        }
        Ok(balanced(parts, if negated { Expr::Or } else { Expr::And }))
    }

    fn unary(&mut self, mut negated: bool) -> Result<Expr, RuleError> {
        while self.token == Token::Not {
            self.advance()?;
            negated = !negated;
        }
        match self.token {
            Token::Open => {
                if self.depth >= DEPTH_LIMIT {
                    return Err(self.place.error(format!(
                        "found more than {DEPTH_LIMIT} nested parentheses; expected fewer"
                    )));
                }
                self.depth += 1;
                self.advance()?;
                let expr = self.or(negated)?;
                if self.token != Token::Close {
                    return Err(self.expected("')', '&&' or '||'"));
                }
                self.advance()?;
                self.depth -= 1;
                Ok(expr)
            }
            Token::Word(name) => {
                let place = self.place;
                self.advance()?;
                if self.token != Token::Open {
                    let unknown = match self.syntax {
                        Syntax::V3 => matchers::unknown(name),
                        Syntax::V2 => v2::unknown(name),
                    };
                    return Err(match (&self.token, unknown) {
                        (Token::Other("."), _) | (_, None) => self.expected("'('"),
                        (_, Some(unknown)) => place.error(unknown),
                    });
                }
                let arguments = self.arguments()?;
                self.call(name, arguments, negated).map_err(|wrong| place.error(wrong))
            }
            Token::Text(_) => Err(self.expected("a matcher such as Host(`example.com`) around it")),
            Token::End => Err(self.place.error("expected operand, found 'EOF'")),
            _ => Err(self.expected("a matcher such as Host(`example.com`), '!' or '('")),
        }
    }

    /// What a matcher with its arguments means.
    fn call(&mut self, name: &str, arguments: Vec<String>, negated: bool) -> Result<Expr, String> {
        let leaf = |matcher| Expr::Match { negated, matcher };
        match self.syntax {
            Syntax::V3 => matchers::build(name, arguments, self.regex).map(leaf),
            Syntax::V2 => {
                let v2::Call { all, matchers } = v2::build(name, arguments, self.regex)?;
                let leaves = matchers.into_iter().map(leaf).collect();
                Ok(balanced(leaves, if all == negated { Expr::Or } else { Expr::And }))
            }
        }
    }

    /// `( [string {, string} [,]] )`
    fn arguments(&mut self) -> Result<Vec<String>, RuleError> {
        let mut arguments = Vec::new();
        // In v3 nobody takes more than two; the third tells the error.
        let most = if self.syntax == Syntax::V2 { usize::MAX } else { 3 };
        loop {
            // Here the token is the opening parenthesis or a comma.
            self.advance()?;
            match &self.token {
                Token::Close => break,
                Token::Text(_) => {
                    if let Token::Text(text) = self.advance()?
                        && arguments.len() < most
                    {
                        arguments.push(text);
                    }
                }
                _ => return Err(self.expected("a string in backquotes or double quotes")),
            }
            match self.token {
                Token::Comma => {}
                Token::Close => break,
                _ => return Err(self.expected("',' or ')'")),
            }
        }
        self.advance()?;
        Ok(arguments)
    }
}

/// Joins a chain as a balanced tree: the order of evaluation is the chain's, but the depth is
/// logarithmic, so that a rule of 10,000 hosts can be walked, compared and dropped.
fn balanced(mut parts: Vec<Expr>, join: fn(Box<Expr>, Box<Expr>) -> Expr) -> Expr {
    while parts.len() > 1 {
        let mut joined = Vec::with_capacity(parts.len().div_ceil(2));
        let mut rest = parts.into_iter();
        while let Some(left) = rest.next() {
            joined.push(match rest.next() {
                Some(right) => join(Box::new(left), Box::new(right)),
                None => left,
            });
        }
        parts = joined;
    }
    // Callers give at least one part; nothing at all would match nothing.
    parts.pop().unwrap_or(Expr::Match { negated: true, matcher: super::Matcher::Host("*".into()) })
}
