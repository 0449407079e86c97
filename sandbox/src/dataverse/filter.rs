//! `$filter`: `eq`, `ne`, `and`, `or`, `not`, parentheses, and the `In` function.

use super::refusal::Refusal;
use super::tables::{Kind, Table};
use serde_json::Value;
use uuid::Uuid;

/// A parsed condition.
#[derive(Clone, PartialEq, Debug)]
pub enum Filter {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Equal(String, Literal),
    In(String, Vec<String>),
}

/// A value in a condition.
#[derive(Clone, PartialEq, Debug)]
pub enum Literal {
    Text(String),
    Number(i64),
    Guid(Uuid),
    Flag(bool),
    Null,
}

#[derive(Clone, PartialEq, Debug)]
enum Token {
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    Assign,
    Text(String),
    Word(String),
}

impl Filter {
    /// Parses a decoded `$filter` and checks its columns and types against a table.
    pub fn parse(text: &str, table: Table) -> Result<Self, Refusal> {
        let mut parser = Parser {
            tokens: tokens(text)?.into_iter().peekable(),
            text,
            table,
        };
        let filter = parser.any_of()?;
        match parser.tokens.next() {
            None => Ok(filter),
            Some(_) => Err(parser.error()),
        }
    }

    /// Says whether a row satisfies the condition; a missing column is null.
    pub fn accepts<'a>(&self, row: &impl Fn(&str) -> Option<&'a Value>) -> bool {
        match self {
            Self::And(left, right) => left.accepts(row) && right.accepts(row),
            Self::Or(left, right) => left.accepts(row) || right.accepts(row),
            Self::Not(inner) => !inner.accepts(row),
            Self::Equal(column, literal) => literal.equals(row(column)),
            Self::In(column, values) => {
                let text = row(column).map(plain).unwrap_or_default();
                values.iter().any(|value| value.eq_ignore_ascii_case(&text))
            }
        }
    }

    /// Collects the GUIDs that the condition names, wherever it does.
    pub fn named_ids(&self, found: &mut Vec<Uuid>) {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.named_ids(found);
                right.named_ids(found);
            }
            Self::Equal(_, Literal::Guid(id)) => found.push(*id),
            Self::Not(_) | Self::Equal(..) => {}
            Self::In(_, values) => found.extend(values.iter().filter_map(|value| Uuid::try_parse(value).ok())),
        }
    }
}

impl Literal {
    fn equals(&self, value: Option<&Value>) -> bool {
        let value = value.unwrap_or(&Value::Null);
        match self {
            Self::Null => value.is_null(),
            // The database's collation ignores case.
            Self::Text(text) => value
                .as_str()
                .is_some_and(|value| value.to_lowercase() == text.to_lowercase()),
            Self::Number(number) => value.as_i64() == Some(*number),
            Self::Flag(flag) => value.as_bool() == Some(*flag),
            Self::Guid(id) => value.as_str().and_then(|value| Uuid::try_parse(value).ok()) == Some(*id),
        }
    }

    fn fits(&self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Null, _)
                | (Self::Text(_), Kind::Text(_) | Kind::Date)
                | (Self::Number(_), Kind::Number)
                | (Self::Flag(_), Kind::Flag)
                | (Self::Guid(_), Kind::Guid)
        )
    }
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    text: &'a str,
    table: Table,
}

impl Parser<'_> {
    fn any_of(&mut self) -> Result<Filter, Refusal> {
        let mut left = self.all_of()?;
        while self.skip_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.all_of()?));
        }
        Ok(left)
    }

    fn all_of(&mut self) -> Result<Filter, Refusal> {
        let mut left = self.one()?;
        while self.skip_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, Refusal> {
        if self.skip_word("not") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        match self.tokens.next() {
            Some(Token::Open) => {
                let inner = self.any_of()?;
                self.expect(&Token::Close)?;
                Ok(inner)
            }
            Some(Token::Word(word)) if word == "Microsoft.Dynamics.CRM.In" => self.within(),
            Some(Token::Word(column)) => self.comparison(column),
            _ => Err(self.error()),
        }
    }

    fn comparison(&mut self, column: String) -> Result<Filter, Refusal> {
        let kind = self.table.kind(&column)?;
        let Some(Token::Word(operator)) = self.tokens.next() else {
            return Err(self.error());
        };
        let literal = self.literal()?;
        if !literal.fits(kind) {
            return Err(Refusal::uri(format!(
                "A binary operator with incompatible types was detected for the property '{column}'."
            )));
        }
        let equal = Filter::Equal(column, literal);
        match operator.as_str() {
            "eq" => Ok(equal),
            "ne" => Ok(Filter::Not(Box::new(equal))),
            _ => Err(self.error()),
        }
    }

    fn literal(&mut self) -> Result<Literal, Refusal> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Literal::Text(text)),
            Some(Token::Word(word)) => match word.as_str() {
                "null" => Ok(Literal::Null),
                "true" => Ok(Literal::Flag(true)),
                "false" => Ok(Literal::Flag(false)),
                word => (word.parse().map(Literal::Number).ok())
                    .or_else(|| Uuid::try_parse(word).map(Literal::Guid).ok())
                    .ok_or_else(|| self.error()),
            },
            _ => Err(self.error()),
        }
    }

    /// `(PropertyName='contactid',PropertyValues=['..','..'])`
    fn within(&mut self) -> Result<Filter, Refusal> {
        self.expect(&Token::Open)?;
        self.expect(&Token::Word("PropertyName".to_owned()))?;
        self.expect(&Token::Assign)?;
        let Some(Token::Text(column)) = self.tokens.next() else {
            return Err(self.error());
        };
        self.table.kind(&column)?;
        self.expect(&Token::Comma)?;
        self.expect(&Token::Word("PropertyValues".to_owned()))?;
        self.expect(&Token::Assign)?;
        self.expect(&Token::OpenList)?;
        let mut values = Vec::new();
        loop {
            match self.tokens.next() {
                Some(Token::Text(value)) => values.push(value),
                Some(Token::Comma) => {}
                Some(Token::CloseList) => break,
                _ => return Err(self.error()),
            }
        }
        self.expect(&Token::Close)?;
        Ok(Filter::In(column, values))
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let next = |token: &Token| matches!(token, Token::Word(found) if found == word);
        self.tokens.next_if(next).is_some()
    }

    fn expect(&mut self, token: &Token) -> Result<(), Refusal> {
        match self.tokens.next() {
            Some(found) if found == *token => Ok(()),
            _ => Err(self.error()),
        }
    }

    fn error(&self) -> Refusal {
        Refusal::uri(format!("Syntax error in '{}'.", self.text))
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, char)) = rest.next() {
        tokens.push(match char {
            ' ' => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::OpenList,
            ']' => Token::CloseList,
            ',' => Token::Comma,
            '=' => Token::Assign,
            quote @ ('\'' | '"') => {
                let mut literal = String::new();
                loop {
                    let Some((_, char)) = rest.next() else {
                        return Err(Refusal::uri(format!(
                            "There is an unterminated literal at position {start} in '{text}'."
                        )));
                    };
                    // A doubled quote is one quote of the literal.
                    if char == quote && rest.next_if(|(_, next)| *next == quote).is_none() {
                        break;
                    }
                    literal.push(char);
                }
                Token::Text(literal)
            }
            _ => {
                let mut word = String::from(char);
                let part = |char: char| !" ()[],='\"".contains(char);
                while let Some((_, char)) = rest.next_if(|(_, char)| part(*char)) {
                    word.push(char);
                }
                Token::Word(word)
            }
        });
    }
    Ok(tokens)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
