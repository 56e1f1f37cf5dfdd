//! Tokens to a tree whose tests are checked against the field table.

use super::error::{Error, Fault};
use super::lexer::{Lexer, Place, Token};
use super::literal::{self, Digits, Literal, Written};
use crate::dissect::field::{FieldId, FieldType};

/// A filter as a tree. No deeper than [`super::MAX_DEPTH`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(FieldId, Test),
}

/// What is asked of a field's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// Is there one; of a boolean, is it true.
    Present,
    Compare(Comparison, Literal),
    In(Vec<Span>),
    Contains(Digits),
    StartsWith(Digits),
}

/// The six comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

/// From a value to another, both included; usually the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Span {
    One(Literal),
    Between(Literal, Literal),
}

/// Reads a whole filter.
pub(super) fn parse(text: &str) -> Result<Node, Error> {
    if text.len() > super::MAX_LENGTH {
        return Err(Error { at: 0, len: 0, fault: Fault::TooLong });
    }
    let mut parser = Parser::new(text)?;
    let node = parser.any(0)?;
    match parser.token {
        Token::End => Ok(node),
        _ => parser.wanted("&&, || or the end"),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    place: Place,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, Error> {
        let mut lexer = Lexer::new(text);
        let (token, place) = lexer.next()?;
        Ok(Self { lexer, token, place })
    }

    /// Moves on; the token that was looked at and its place.
    fn take(&mut self) -> Result<(Token<'a>, Place), Error> {
        let (token, place) = self.lexer.next()?;
        let place = std::mem::replace(&mut self.place, place);
        Ok((std::mem::replace(&mut self.token, token), place))
    }

    /// Moves on if the token is one of `spellings`.
    fn take_if(&mut self, spellings: &[&str]) -> Result<bool, Error> {
        let found = match self.token {
            Token::Word(word) => spellings.contains(&word),
            Token::Mark(mark) => spellings.contains(&mark),
            Token::String(_) | Token::End => false,
        };
        if found {
            self.take()?;
        }
        Ok(found)
    }

    fn wanted<T>(&self, what: &'static str) -> Result<T, Error> {
        fault(self.place, Fault::Wanted(what))
    }

    /// Tests joined by `||`.
    fn any(&mut self, depth: usize) -> Result<Node, Error> {
        let first = self.all(depth)?;
        let mut nodes = vec![first];
        while self.take_if(&["||", "or"])? {
            nodes.push(self.all(depth)?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    /// Tests joined by `&&`.
    fn all(&mut self, depth: usize) -> Result<Node, Error> {
        let first = self.negated(depth)?;
        let mut nodes = vec![first];
        while self.take_if(&["&&", "and"])? {
            nodes.push(self.negated(depth)?);
        }
        Ok(one_or(nodes, Node::All))
    }

    /// A test, or something in parentheses, perhaps negated.
    fn negated(&mut self, depth: usize) -> Result<Node, Error> {
        if depth > super::MAX_DEPTH {
            return fault(self.place, Fault::TooDeep);
        }
        if self.take_if(&["!", "not"])? {
            return Ok(Node::Not(Box::new(self.negated(depth + 1)?)));
        }
        if self.take_if(&["("])? {
            let node = self.any(depth + 1)?;
            return if self.take_if(&[")"])? {
                Ok(node)
            } else {
                self.wanted("&&, || or a closing parenthesis")
            };
        }
        self.test()
    }

    /// A field and what is asked of it.
    fn test(&mut self) -> Result<Node, Error> {
        let Token::Word(name) = self.token else {
            return self.wanted("a field");
        };
        let Some(field) = FieldId::of(name) else {
            return fault(self.place, Fault::Field(FieldId::nearest(name)));
        };
        self.take()?;
        let place = self.place;
        let comparison = match self.token {
            Token::Mark("==") => Some(Comparison::Equal),
            Token::Mark("!=") => Some(Comparison::NotEqual),
            Token::Mark("<") => Some(Comparison::Less),
            Token::Mark("<=") => Some(Comparison::LessOrEqual),
            Token::Mark(">") => Some(Comparison::More),
            Token::Mark(">=") => Some(Comparison::MoreOrEqual),
            _ => None,
        };
        let test = if let Some(comparison) = comparison {
            if !suits(field, comparison) {
                return fault(place, Fault::Comparison(field.field().ty));
            }
            self.take()?;
            Test::Compare(comparison, self.value(|written| literal::whole(field, written))?)
        } else if self.take_if(&["contains"])? {
            Test::Contains(self.part(field, place)?)
        } else if self.take_if(&["starts_with"])? {
            Test::StartsWith(self.part(field, place)?)
        } else if self.take_if(&["in"])? {
            Test::In(self.set(field, place)?)
        } else {
            Test::Present
        };
        Ok(Node::Test(field, test))
    }

    /// A word or string, read by `read`.
    fn value<T>(&mut self, read: impl Fn(Written<'_>) -> Result<T, Fault>) -> Result<T, Error> {
        let value = match &self.token {
            Token::Word(word) => read(Written::Word(word)),
            Token::String(bytes) => read(Written::String(bytes)),
            Token::Mark(_) | Token::End => return self.wanted("a value"),
        };
        let (at, len) = self.place;
        let value = value.map_err(|fault| Error { at, len, fault })?;
        self.take()?;
        Ok(value)
    }

    fn part(&mut self, field: FieldId, operator: Place) -> Result<Digits, Error> {
        self.value(|written| literal::part(field, written)).map_err(|error| match error.fault {
            Fault::Comparison(_) => Error { at: operator.0, len: operator.1, ..error },
            _ => error,
        })
    }

    /// `{a, b..c}`, after `in`.
    fn set(&mut self, field: FieldId, operator: Place) -> Result<Vec<Span>, Error> {
        if field.field().ty == FieldType::Bool {
            return fault(operator, Fault::Comparison(FieldType::Bool));
        }
        if !self.take_if(&["{"])? {
            return self.wanted("{ and values, separated by commas,");
        }
        let mut spans = Vec::new();
        loop {
            spans.push(self.value(|written| span(field, written))?);
            if self.take_if(&["}"])? {
                return Ok(spans);
            }
            if !self.take_if(&[","])? {
                return self.wanted("a comma or a closing brace");
            }
        }
    }
}

/// Whether values of `field` have the order, if any, that the comparison needs.
fn suits(field: FieldId, comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Equal | Comparison::NotEqual) || has_order(field)
}

fn has_order(field: FieldId) -> bool {
    matches!(field.field().ty, FieldType::Unsigned | FieldType::Time | FieldType::Seconds)
}

/// One value, or a range of a field whose values have an order.
fn span(field: FieldId, written: Written<'_>) -> Result<Span, Fault> {
    if let Written::Word(word) = written
        && has_order(field)
        && let Some((from, to)) = word.split_once("..")
    {
        let from = literal::whole(field, Written::Word(from))?;
        let to = literal::whole(field, Written::Word(to))?;
        return match (&from, &to) {
            (Literal::Unsigned(from), Literal::Unsigned(to)) if from > to => Err(Fault::Backwards),
            (Literal::Nanos(from), Literal::Nanos(to)) if from > to => Err(Fault::Backwards),
            _ => Ok(Span::Between(from, to)),
        };
    }
    literal::whole(field, written).map(Span::One)
}

fn one_or(mut nodes: Vec<Node>, several: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            several(nodes)
        }
        None => several(nodes),
    }
}

fn fault<T>((at, len): Place, fault: Fault) -> Result<T, Error> {
    Err(Error { at, len, fault })
}
