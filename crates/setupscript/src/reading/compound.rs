//! Compound commands: branches, loops, tests.

use brush_parser::ast::{self, SourceLocation as _};

use super::Walk;
use crate::construct::{Assignment, Context, Form};
use crate::script::Refused;
use crate::word::{Reader, Word};

impl Walk {
    pub(super) fn compound(
        &mut self,
        compound: &ast::CompoundCommand,
        context: &Context,
    ) -> Result<(), Refused> {
        use ast::CompoundCommand as Compound;
        let condition = Context {
            masked: true,
            ..context.clone()
        };
        let branch = Context {
            conditional: true,
            ..context.clone()
        };
        let body = Context {
            conditional: true,
            looped: true,
            ..context.clone()
        };
        match compound {
            Compound::Arithmetic(command) => self.arithmetic(&command.expr.value, context),
            Compound::ArithmeticForClause(command) => {
                let heads = [&command.initializer, &command.condition, &command.updater];
                for head in heads.into_iter().flatten() {
                    self.arithmetic(&head.value, context)?;
                }
                self.list(&command.body.list, &body)
            }
            Compound::BraceGroup(group) => self.list(&group.list, context),
            Compound::Subshell(group) => {
                let inside = Context {
                    subshell: true,
                    nested: context.subshell,
                    ..context.clone()
                };
                self.list(&group.list, &inside)
            }
            Compound::ForClause(command) => {
                self.for_head(command, context)?;
                self.list(&command.body.list, &body)
            }
            Compound::CaseClause(command) => {
                let at = self.at;
                let word = self.word(&command.value.value, context)?;
                self.push(Form::Case, at, vec![word], context);
                for case in &command.cases {
                    let mut patterns = Vec::new();
                    for pattern in &case.patterns {
                        patterns.push(self.word(&pattern.value, context)?);
                    }
                    let at = self.at;
                    self.push(Form::Pattern, at, patterns, context);
                    if let Some(list) = &case.cmd {
                        self.list(list, &branch)?;
                    }
                }
                Ok(())
            }
            Compound::IfClause(command) => {
                self.list(&command.condition, &condition)?;
                self.list(&command.then, &branch)?;
                for other in command.elses.iter().flatten() {
                    if let Some(test) = &other.condition {
                        let test_context = Context {
                            conditional: true,
                            ..condition.clone()
                        };
                        self.list(test, &test_context)?;
                    }
                    self.list(&other.body, &branch)?;
                }
                Ok(())
            }
            Compound::WhileClause(command) | Compound::UntilClause(command) => {
                let test = Context {
                    looped: true,
                    ..condition
                };
                self.list(&command.0, &test)?;
                self.list(&command.1.list, &body)
            }
            Compound::Coprocess(command) => {
                let at = self.at;
                let name = command
                    .name
                    .as_ref()
                    .map(|name| Reader::verbatim(&name.value));
                self.push(Form::Coprocess, at, name.into_iter().collect(), context);
                let inside = Context {
                    background: true,
                    subshell: true,
                    nested: context.subshell,
                    ..context.clone()
                };
                self.command(&command.body, &inside)
            }
        }
    }

    fn for_head(
        &mut self,
        command: &ast::ForClauseCommand,
        context: &Context,
    ) -> Result<(), Refused> {
        self.moved_to(Some(command.loc.clone()));
        let at = self.at;
        let mut words = Vec::new();
        match &command.values {
            Some(values) => {
                for value in values {
                    words.push(self.word(&value.value, context)?);
                }
            }
            // Without words it goes through the script's arguments.
            None => words.push(self.word("\"$@\"", context)?),
        }
        self.push(Form::For, at, words.clone(), context);
        if let Some(head) = self.commands.last_mut() {
            head.assignments.push(Assignment {
                name: command.variable_name.clone(),
                append: false,
                element: false,
                values: words,
                array: true,
            });
        }
        Ok(())
    }

    /// The operands and operators of a test, in order.
    pub(super) fn test(
        &mut self,
        test: &ast::ExtendedTestExpr,
        context: &Context,
        words: &mut Vec<Word>,
    ) -> Result<(), Refused> {
        use ast::ExtendedTestExpr as Test;
        match test {
            Test::And(left, right) => {
                self.test(left, context, words)?;
                words.push(Reader::verbatim("&&"));
                self.test(right, context, words)
            }
            Test::Or(left, right) => {
                self.test(left, context, words)?;
                words.push(Reader::verbatim("||"));
                self.test(right, context, words)
            }
            Test::Not(inner) => {
                words.push(Reader::verbatim("!"));
                self.test(inner, context, words)
            }
            Test::Parenthesized(inner) => {
                words.push(Reader::verbatim("("));
                self.test(inner, context, words)?;
                words.push(Reader::verbatim(")"));
                Ok(())
            }
            Test::UnaryTest(operator, operand) => {
                self.moved_to(operand.location());
                words.push(Reader::verbatim(&operator.to_string()));
                words.push(self.word(&operand.value, context)?);
                Ok(())
            }
            Test::BinaryTest(operator, left, right) => {
                words.push(self.word(&left.value, context)?);
                words.push(Reader::verbatim(&operator.to_string()));
                words.push(self.word(&right.value, context)?);
                Ok(())
            }
        }
    }
}
