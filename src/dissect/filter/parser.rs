//! Tokens to a tree whose tests are checked against the field table.

use super::error::{Error, Fault};
use super::lexer::{Lexer, Place, Token};
use super::literal::{self, Digits, Literal, Written};
use super::operand::{Operand, Slice, View};
use super::pattern::Pattern;
use crate::dissect::field::{FieldId, FieldType};

/// A filter as a tree. No deeper than [`super::MAX_DEPTH`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Operand, Test),
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
    Matches(Pattern),
    /// Compared with the values of another field of the same type.
    With(Comparison, FieldId),
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
    patterns: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, Error> {
        let mut lexer = Lexer::new(text);
        let (token, place) = lexer.next()?;
        Ok(Self { lexer, token, place, patterns: 0 })
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
            Token::String(_) | Token::Raw(_) | Token::End => false,
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

    /// An operand and what is asked of it.
    fn test(&mut self) -> Result<Node, Error> {
        let operand = self.operand()?;
        let ty = operand.ty();
        let place = self.place;
        if let Some(comparison) = self.comparison() {
            if !suits(ty, comparison) {
                return fault(place, Fault::Comparison(ty));
            }
            self.take()?;
            if let Some(other) = self.other_field(ty)? {
                return Ok(Node::Test(operand, Test::With(comparison, other)));
            }
            let literal = self.value(|written| literal::whole(operand.field, ty, written))?;
            return Ok(Node::Test(operand, Test::Compare(comparison, literal)));
        }
        if self.take_if(&["not"])? {
            return if self.take_if(&["in"])? {
                let test = Test::In(self.set(operand, place)?);
                Ok(Node::Not(Box::new(Node::Test(operand, test))))
            } else {
                self.wanted("in")
            };
        }
        let test = if self.take_if(&["contains"])? {
            Test::Contains(self.part(ty, place)?)
        } else if self.take_if(&["starts_with"])? {
            Test::StartsWith(self.part(ty, place)?)
        } else if self.take_if(&["matches", "~"])? {
            Test::Matches(self.pattern(ty, place)?)
        } else if self.take_if(&["in"])? {
            Test::In(self.set(operand, place)?)
        } else {
            Test::Present
        };
        Ok(Node::Test(operand, test))
    }

    /// The comparison that the token at hand is.
    fn comparison(&self) -> Option<Comparison> {
        let (Token::Mark(spelling) | Token::Word(spelling)) = self.token else { return None };
        Some(match spelling {
            "==" | "eq" => Comparison::Equal,
            "!=" | "ne" => Comparison::NotEqual,
            "<" | "lt" => Comparison::Less,
            "<=" | "le" => Comparison::LessOrEqual,
            ">" | "gt" => Comparison::More,
            ">=" | "ge" => Comparison::MoreOrEqual,
            _ => return None,
        })
    }

    /// A field, perhaps with a slice, or a function of one.
    fn operand(&mut self) -> Result<Operand, Error> {
        let Token::Word(word) = self.token else {
            return self.wanted("a field");
        };
        let place = self.place;
        if let Some(view) = View::of(word) {
            self.take()?;
            if !self.take_if(&["("])? {
                return self.wanted("an opening parenthesis");
            }
            let Token::Word(name) = self.token else {
                return self.wanted("a field");
            };
            let operand = Operand { field: named(name, self.place)?, view };
            operand.check().or_else(|found| fault(self.place, found))?;
            self.take()?;
            return if self.take_if(&[")"])? {
                Ok(operand)
            } else {
                self.wanted("a closing parenthesis")
            };
        }
        let operand = match word.find('[') {
            None | Some(0) => Operand::whole(named(word, place)?),
            Some(at) => {
                let (name, brackets) = word.split_at(at);
                let field = named(name, (place.0, at))?;
                let inside = brackets.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                let Some(slice) = inside.and_then(Slice::parse) else {
                    return fault((place.0 + at, brackets.len()), Fault::Slice);
                };
                Operand { field, view: View::Slice(slice) }
            }
        };
        operand.check().or_else(|found| fault(place, found))?;
        self.take()?;
        Ok(operand)
    }

    /// A field to compare with, where no value could have its name.
    fn other_field(&mut self, ty: FieldType) -> Result<Option<FieldId>, Error> {
        let (Token::Word(word), false) =
            (&self.token, matches!(ty, FieldType::Text | FieldType::Name))
        else {
            return Ok(None);
        };
        // A name of digits alone would be a value; there is none.
        let Some(field) = FieldId::of(word) else { return Ok(None) };
        let other = field.field().ty;
        if other != ty {
            return fault(self.place, Fault::OtherField(ty, other));
        }
        self.take()?;
        Ok(Some(field))
    }

    /// A regular expression, after `matches`.
    fn pattern(&mut self, ty: FieldType, operator: Place) -> Result<Pattern, Error> {
        use FieldType::{Address, Bytes, Key, Name, Text};
        if !matches!(ty, Text | Name | Bytes | Key | Address) {
            return fault(operator, Fault::Comparison(ty));
        }
        self.patterns += 1;
        if self.patterns > super::MAX_PATTERNS {
            return fault(self.place, Fault::TooManyPatterns);
        }
        self.value(|written| match written {
            Written::Word(text) => Pattern::parse(text),
            Written::String(bytes) => match str::from_utf8(bytes) {
                Ok(text) => Pattern::parse(text),
                Err(_) => Err(Fault::Pattern("it is not UTF-8".to_owned())),
            },
        })
    }

    /// A word or string, read by `read`.
    fn value<T>(&mut self, read: impl Fn(Written<'_>) -> Result<T, Fault>) -> Result<T, Error> {
        let value = match &self.token {
            Token::Word(word) => read(Written::Word(word)),
            Token::String(bytes) => read(Written::String(bytes)),
            Token::Raw(text) => read(Written::String(text.as_bytes())),
            Token::Mark(_) | Token::End => return self.wanted("a value"),
        };
        let (at, len) = self.place;
        let value = value.map_err(|fault| Error { at, len, fault })?;
        self.take()?;
        Ok(value)
    }

    fn part(&mut self, ty: FieldType, operator: Place) -> Result<Digits, Error> {
        self.value(|written| literal::part(ty, written)).map_err(|error| match error.fault {
            Fault::Comparison(_) => Error { at: operator.0, len: operator.1, ..error },
            _ => error,
        })
    }

    /// `{a, b..c}`, after `in`.
    fn set(&mut self, operand: Operand, operator: Place) -> Result<Vec<Span>, Error> {
        if operand.ty() == FieldType::Bool {
            return fault(operator, Fault::Comparison(FieldType::Bool));
        }
        if !self.take_if(&["{"])? {
            return self.wanted("{ and values, separated by commas,");
        }
        let mut spans = Vec::new();
        loop {
            spans.push(self.value(|written| span(operand, written))?);
            if self.take_if(&["}"])? {
                return Ok(spans);
            }
            if !self.take_if(&[","])? {
                return self.wanted("a comma or a closing brace");
            }
        }
    }
}

/// Whether values of type `ty` have the order, if any, that the comparison needs.
const fn suits(ty: FieldType, comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Equal | Comparison::NotEqual) || has_order(ty)
}

const fn has_order(ty: FieldType) -> bool {
    matches!(ty, FieldType::Unsigned | FieldType::Time | FieldType::Seconds | FieldType::Bytes)
}

/// The field of that name.
fn named(name: &str, place: Place) -> Result<FieldId, Error> {
    FieldId::of(name).map_or_else(|| fault(place, Fault::Field(FieldId::nearest(name))), Ok)
}

/// One value, or a range of an operand whose values have an order.
fn span(operand: Operand, written: Written<'_>) -> Result<Span, Fault> {
    let ty = operand.ty();
    if let Written::Word(word) = written
        && has_order(ty)
        && let Some((from, to)) = word.split_once("..")
    {
        let from = literal::whole(operand.field, ty, Written::Word(from))?;
        let to = literal::whole(operand.field, ty, Written::Word(to))?;
        return match (&from, &to) {
            (Literal::Unsigned(from), Literal::Unsigned(to)) if from > to => Err(Fault::Backwards),
            (Literal::Nanos(from), Literal::Nanos(to)) if from > to => Err(Fault::Backwards),
            (Literal::Bytes(from), Literal::Bytes(to)) if from > to => Err(Fault::Backwards),
            _ => Ok(Span::Between(from, to)),
        };
    }
    if let Written::Word(word) = written
        && word.contains("..")
    {
        return Err(Fault::Unordered(ty));
    }
    literal::whole(operand.field, ty, written).map(Span::One)
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
