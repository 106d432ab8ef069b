//! Search queries instead of an identifier, of teams and of relations' targets.
//!
//! Their rules are a closed set, narrower than that of Port's searches: the schemas
//! `searchIdentifierQuerySchema` (`def-5`) and `searchRelationsQuerySchema` (`def-6`, for teams too) of
//! Port's OpenAPI document, which allow the same. In words: [Mapping entities using search queries][docs].
//!
//! [docs]: https://docs.port.io/build-your-software-catalog/customize-integrations/configure-mapping#mapping-entities-using-search-queries

use super::{AN_OBJECT, EntityReader, Query, Reported, canonical, nearest};
use crate::diagnostic::Code;
use crate::document::{Member, Node, Value};
use crate::text::Span;

const COMBINATORS: [&str; 2] = ["and", "or"];
const OF_A_QUERY: [&str; 2] = ["combinator", "rules"];
const OF_A_RULE: [&str; 3] = ["property", "operator", "value"];

/// What a rule compares with.
#[derive(Clone, Copy)]
enum Operand {
    /// A string, a number or `null`.
    One,
    /// An array of strings.
    List,
    /// A string, an array of strings, or `null`.
    OneOrList,
}

const OPERATORS: [(&str, Operand); 4] = [
    ("=", Operand::One),
    ("in", Operand::List),
    ("containsAny", Operand::List),
    ("contains", Operand::OneOrList),
];

impl Operand {
    fn as_str(self) -> &'static str {
        match self {
            Self::One => "a string, a number or null",
            Self::List => "an array of strings",
            Self::OneOrList => "a string, an array of strings or null",
        }
    }

    fn allows(self, value: &Node) -> bool {
        match (&value.value, self) {
            (Value::String(_) | Value::Null, Self::One | Self::OneOrList)
            | (Value::Number(_), Self::One) => true,
            (Value::Array(items), Self::List | Self::OneOrList) => {
                items.iter().all(|item| item.as_str().is_some())
            }
            _ => false,
        }
    }
}

impl EntityReader<'_> {
    /// Reads the query that `field` holds.
    pub(super) fn query(&mut self, value: &Node, field: &str) -> Result<Query, Reported> {
        let is_query = OF_A_QUERY.iter().all(|key| value.get(key).is_some());
        if !is_query {
            return Err(self.report(
                Code::WrongType,
                value.span,
                format!("an object in `{field}` must be a search query"),
                |d| d.help("give it `combinator: and` (or `or`) and `rules: […]`, or write the name itself"),
            ));
        }
        self.check_query(value)?;
        Ok(Query::new(&canonical(value.to_json())))
    }

    fn check_query(&mut self, query: &Node) -> Result<(), Reported> {
        let keys = self.only(query, &OF_A_QUERY, "a search query");
        let combinator = match query.get("combinator") {
            Some(value)
                if value
                    .as_str()
                    .is_some_and(|word| COMBINATORS.contains(&word)) =>
            {
                Ok(())
            }
            found => {
                let span = found.map_or(query.span, |value| value.span);
                Err(self.invalid_query(
                    span,
                    "the `combinator` of a search query must be `and` or `or`",
                ))
            }
        };
        let rules = match query.get("rules").map(|rules| (&rules.value, rules.span)) {
            Some((Value::Array(rules), _)) => self.all(rules, Self::check_rule).map(drop),
            found => {
                let span = found.map_or(query.span, |(_, span)| span);
                Err(self.invalid_query(span, "the `rules` of a search query must be an array"))
            }
        };
        keys.and(combinator).and(rules)
    }

    fn check_rule(&mut self, rule: &Node) -> Result<(), Reported> {
        if !matches!(rule.value, Value::Object(_)) {
            return Err(self.wrong_type(rule, "a rule of a search query", AN_OBJECT));
        }
        if OF_A_QUERY.iter().any(|key| rule.get(key).is_some()) {
            return self.check_query(rule);
        }
        let keys = self.only(rule, &OF_A_RULE, "a rule of a search query");
        let property = match rule.get("property") {
            Some(value) if value.as_str().is_some() => Ok(()),
            Some(value) => Err(self.wrong_type(value, "the `property` of a rule", "a string")),
            None => {
                Err(self.invalid_query(rule.span, "a rule of a search query needs a `property`"))
            }
        };
        keys.and(property).and(self.check_operator(rule))
    }

    fn check_operator(&mut self, rule: &Node) -> Result<(), Reported> {
        let Some(operator) = rule.get("operator") else {
            return Err(
                self.invalid_query(rule.span, "a rule of a search query needs an `operator`")
            );
        };
        let is_meant = |(name, _): &&(&str, Operand)| operator.as_str() == Some(*name);
        let Some((name, operand)) = OPERATORS.iter().find(is_meant) else {
            return Err(self.unknown_operator(operator));
        };
        match rule.get("value") {
            Some(value) if operand.allows(value) => Ok(()),
            Some(value) => {
                let what = format!("the `value` of a rule with `{name}`");
                Err(self.wrong_type(value, &what, operand.as_str()))
            }
            None => Err(self.invalid_query(rule.span, "a rule of a search query needs a `value`")),
        }
    }

    fn unknown_operator(&mut self, operator: &Node) -> Reported {
        let found = operator
            .as_str()
            .map_or_else(|| operator.kind().to_owned(), |name| format!("`{name}`"));
        let message = format!("Port takes no operator {found} in an entity's search query");
        self.report(Code::InvalidQuery, operator.span, message, |d| {
            d.label("not one of them").help(
                "use `=`, `in`, `contains` or `containsAny`: the other operators of Port's searches do not work here",
            )
        })
    }

    fn only(&mut self, node: &Node, keys: &[&'static str], what: &str) -> Result<(), Reported> {
        let Value::Object(members) = &node.value else {
            return Err(self.wrong_type(node, what, AN_OBJECT));
        };
        let is_other = |member: &&Member| !keys.contains(&member.key.as_str());
        let others: Vec<_> = members.iter().filter(is_other).collect();
        let check = |reader: &mut Self, member: &&Member| -> Result<(), Reported> {
            let message = format!("{what} has no `{}`", member.key);
            let help = match nearest(&member.key, keys.iter().copied()) {
                Some(key) => format!("did you mean `{key}`?"),
                None => format!("remove it: there are only `{}`", keys.join("`, `")),
            };
            Err(
                reader.report(Code::InvalidQuery, member.key_span, message, |d| {
                    d.help(help)
                }),
            )
        };
        self.all(&others, check).map(drop)
    }

    fn invalid_query(&mut self, span: Span, message: &str) -> Reported {
        self.report(Code::InvalidQuery, span, message, |d| d)
    }
}
