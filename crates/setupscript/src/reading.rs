//! From the parser's tree to a construct's flat list of commands.

mod assignment;
mod compound;
mod redirect;

use brush_parser::ast::{self, SourceLocation as _};
use brush_parser::{ParserOptions, SourcePosition};

use crate::construct::{Command, Construct, Context, Form, Kind};
use crate::error::Position;
use crate::script::{Refused, not_understood_at, parsed, parser_options};
use crate::word::{Reader, Word};

/// Substitutions inside substitutions, at most so deep.
const DEEPEST: usize = 12;

/// A complete command as a construct. It was parsed from `piece`, which begins at a byte and a line of its script.
pub(crate) fn construct(
    command: &ast::CompleteCommand,
    piece: &str,
    start: usize,
    first_line: usize,
) -> Result<Construct, Refused> {
    let mut walk = Walk {
        options: parser_options(),
        commands: Vec::new(),
        offset: Offset {
            lines: first_line,
            columns: 0,
        },
        at: Position {
            line: first_line + 1,
            column: 1,
        },
        depth: DEEPEST,
    };
    let at = command.location();
    if let Some(at) = &at {
        walk.at = walk.position(&at.start);
    }
    let begins = walk.at;
    walk.list(command, &Context::default())?;
    let trailing = piece.trim_end();
    Ok(Construct {
        start,
        end: start + piece.len(),
        at: begins,
        last_line: first_line + trailing.matches('\n').count() + 1,
        kind: kind(command),
        commands: walk.commands,
    })
}

/// What a complete command is.
fn kind(command: &ast::CompleteCommand) -> Kind {
    let [ast::CompoundListItem(list, ast::SeparatorOperator::Sequence)] = command.0.as_slice()
    else {
        return Kind::List;
    };
    if !list.additional.is_empty() {
        return Kind::List;
    }
    let [only] = list.first.seq.as_slice() else {
        return Kind::Pipeline;
    };
    match only {
        ast::Command::Simple(simple) if simple.word_or_name.is_none() => Kind::Assignment,
        ast::Command::Simple(_) => Kind::Command,
        ast::Command::Function(_) => Kind::Function,
        ast::Command::ExtendedTest(..) => Kind::Test,
        ast::Command::Compound(compound, _) => match compound {
            ast::CompoundCommand::Arithmetic(_) => Kind::Arithmetic,
            ast::CompoundCommand::BraceGroup(_) => Kind::Group,
            ast::CompoundCommand::Subshell(_) => Kind::Subshell,
            ast::CompoundCommand::CaseClause(_) => Kind::Case,
            ast::CompoundCommand::IfClause(_) => Kind::If,
            ast::CompoundCommand::Coprocess(_) => Kind::Coprocess,
            ast::CompoundCommand::ArithmeticForClause(_)
            | ast::CompoundCommand::ForClause(_)
            | ast::CompoundCommand::WhileClause(_)
            | ast::CompoundCommand::UntilClause(_) => Kind::Loop,
        },
    }
}

/// What has to be added to positions of a text that was parsed by itself.
#[derive(Clone, Copy)]
struct Offset {
    lines: usize,
    /// Of its first line.
    columns: usize,
}

/// Walks a tree and lists its commands.
struct Walk {
    options: ParserOptions,
    commands: Vec<Command>,
    offset: Offset,
    /// The last position that was known.
    at: Position,
    depth: usize,
}

impl Walk {
    fn position(&self, at: &SourcePosition) -> Position {
        Position {
            line: self.offset.lines + at.line,
            column: at.column + if at.line == 1 { self.offset.columns } else { 0 },
        }
    }

    fn moved_to(&mut self, location: Option<brush_parser::SourceSpan>) {
        if let Some(location) = location
            && location.start.line > 0
        {
            self.at = self.position(&location.start);
        }
    }

    fn refused(&self, reason: impl Into<String>) -> Refused {
        Refused::NotUnderstood(not_understood_at(self.at, reason))
    }

    fn push(&mut self, form: Form, at: Position, words: Vec<Word>, context: &Context) {
        self.commands.push(Command {
            form,
            at,
            words,
            assignments: Vec::new(),
            redirects: Vec::new(),
            context: context.clone(),
        });
    }

    /// A word, with the commands of its substitutions listed.
    fn word(&mut self, text: &str, context: &Context) -> Result<Word, Refused> {
        self.read(context, |reader| reader.word(text))
    }

    fn read(
        &mut self,
        context: &Context,
        read: impl FnOnce(&mut Reader<'_>) -> Result<Word, String>,
    ) -> Result<Word, Refused> {
        let options = self.options.clone();
        let mut reader = Reader {
            options: &options,
            inner: Vec::new(),
        };
        let word = read(&mut reader).map_err(|reason| self.refused(reason))?;
        for inner in reader.inner {
            self.substituted(&inner.text, inner.lines_before, context)?;
        }
        Ok(word)
    }

    /// The commands of a substitution's text.
    fn substituted(
        &mut self,
        text: &str,
        lines_before: usize,
        context: &Context,
    ) -> Result<(), Refused> {
        if self.depth == 0 {
            return Err(self.refused("substitutions are nested too deeply"));
        }
        let program = parsed(text).map_err(|_| self.refused("a substitution is not understood"))?;
        let (at, offset) = (self.at, self.offset);
        let inside = Context {
            subshell: true,
            nested: context.subshell,
            substitution: true,
            ..context.clone()
        };
        self.offset = Offset {
            lines: at.line - 1 + lines_before,
            columns: if lines_before == 0 { at.column } else { 0 },
        };
        self.depth -= 1;
        for command in &program.complete_commands {
            self.list(command, &inside)?;
        }
        self.depth += 1;
        (self.at, self.offset) = (at, offset);
        Ok(())
    }

    fn list(&mut self, list: &ast::CompoundList, context: &Context) -> Result<(), Refused> {
        for ast::CompoundListItem(item, separator) in &list.0 {
            let background = matches!(separator, ast::SeparatorOperator::Async);
            let context = Context {
                background: context.background || background,
                subshell: context.subshell || background,
                nested: context.nested || (context.subshell && background),
                ..context.clone()
            };
            self.and_or(item, &context)?;
        }
        Ok(())
    }

    fn and_or(&mut self, list: &ast::AndOrList, context: &Context) -> Result<(), Refused> {
        let last = list.additional.len();
        let others = list.additional.iter().map(|next| match next {
            ast::AndOr::And(pipeline) | ast::AndOr::Or(pipeline) => pipeline,
        });
        for (number, pipeline) in std::iter::once(&list.first).chain(others).enumerate() {
            let context = Context {
                conditional: context.conditional || number > 0,
                masked: context.masked || number < last || pipeline.bang,
                ..context.clone()
            };
            self.pipeline(pipeline, &context)?;
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &ast::Pipeline, context: &Context) -> Result<(), Refused> {
        let several = pipeline.seq.len() > 1;
        for (number, command) in pipeline.seq.iter().enumerate() {
            let context = Context {
                subshell: context.subshell || several,
                nested: context.nested || (context.subshell && several),
                // Without `pipefail` only the last one's failure counts.
                masked: context.masked || number + 1 < pipeline.seq.len(),
                fed: number > 0 || context.fed,
                ..context.clone()
            };
            self.command(command, &context)?;
        }
        Ok(())
    }

    fn command(&mut self, command: &ast::Command, context: &Context) -> Result<(), Refused> {
        match command {
            ast::Command::Simple(simple) => self.simple(simple, context),
            ast::Command::Compound(compound, redirects) => {
                self.moved_to(compound.location());
                self.redirected(redirects.as_ref(), context)?;
                self.compound(compound, context)
            }
            ast::Command::Function(function) => {
                self.moved_to(function.fname.location());
                let name = function.fname.value.clone();
                let at = self.at;
                self.push(Form::Function, at, vec![Reader::verbatim(&name)], context);
                let inside = Context {
                    function: Some(name),
                    ..Context::default()
                };
                self.redirected(function.body.1.as_ref(), &inside)?;
                self.compound(&function.body.0, &inside)
            }
            ast::Command::ExtendedTest(test, redirects) => {
                self.moved_to(test.location());
                self.redirected(redirects.as_ref(), context)?;
                let at = self.at;
                let mut words = Vec::new();
                self.test(&test.expr, context, &mut words)?;
                self.push(Form::Test, at, words, context);
                Ok(())
            }
        }
    }

    /// A compound command's redirections, as a command of its own.
    fn redirected(
        &mut self,
        redirects: Option<&ast::RedirectList>,
        context: &Context,
    ) -> Result<(), Refused> {
        let Some(redirects) = redirects else {
            return Ok(());
        };
        let at = self.at;
        let mut read = Vec::new();
        for redirect in &redirects.0 {
            read.push(self.redirect(redirect, context)?);
        }
        self.push(Form::Redirected, at, Vec::new(), context);
        if let Some(command) = self.commands.last_mut() {
            command.redirects = read;
        }
        Ok(())
    }

    fn simple(&mut self, simple: &ast::SimpleCommand, context: &Context) -> Result<(), Refused> {
        let prefix = simple.prefix.iter().flat_map(|prefix| &prefix.0);
        let suffix = simple.suffix.iter().flat_map(|suffix| &suffix.0);
        let first = prefix.clone().find_map(|item| match item {
            ast::CommandPrefixOrSuffixItem::AssignmentWord(assignment, _) => {
                Some(assignment.loc.clone())
            }
            _ => None,
        });
        let name = simple.word_or_name.as_ref();
        self.moved_to(
            first
                .filter(|loc| loc.start.line > 0)
                .or_else(|| name?.location()),
        );
        let at = self.at;
        let mut command = Command {
            form: Form::Simple,
            at,
            words: Vec::new(),
            assignments: Vec::new(),
            redirects: Vec::new(),
            context: context.clone(),
        };
        for item in prefix {
            self.item(item, context, &mut command)?;
        }
        if let Some(name) = name {
            command.words.push(self.word(&name.value, context)?);
        }
        for item in suffix {
            self.item(item, context, &mut command)?;
        }
        self.commands.push(command);
        Ok(())
    }

    fn item(
        &mut self,
        item: &ast::CommandPrefixOrSuffixItem,
        context: &Context,
        command: &mut Command,
    ) -> Result<(), Refused> {
        match item {
            ast::CommandPrefixOrSuffixItem::IoRedirect(redirect) => {
                command.redirects.push(self.redirect(redirect, context)?);
            }
            ast::CommandPrefixOrSuffixItem::Word(word) => {
                command.words.push(self.word(&word.value, context)?);
            }
            ast::CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                let declares = ["export", "declare", "typeset", "readonly", "local"];
                let name = command.name().map(|name| declares.contains(&name));
                // `pip install a==1` assigns nothing.
                if name == Some(false) || (name.is_none() && !command.words.is_empty()) {
                    command.words.push(self.word(&word.value, context)?);
                    return Ok(());
                }
                let assignment = self.assignment(assignment, context)?;
                command.assignments.push(assignment);
                // `export X=1` is a word of its command, too.
                if name.is_some() {
                    command.words.push(Word {
                        text: word.value.clone(),
                        literal: None,
                        pieces: vec![crate::word::Piece::Other],
                    });
                }
            }
            ast::CommandPrefixOrSuffixItem::ProcessSubstitution(_, subshell) => {
                self.process(subshell, context)?;
                command.words.push(Word {
                    text: "<( )".to_owned(),
                    literal: None,
                    pieces: vec![crate::word::Piece::Output],
                });
            }
        }
        Ok(())
    }

    fn process(
        &mut self,
        subshell: &ast::SubshellCommand,
        context: &Context,
    ) -> Result<(), Refused> {
        let inside = Context {
            subshell: true,
            nested: context.subshell,
            substitution: true,
            ..context.clone()
        };
        self.list(&subshell.list, &inside)
    }
}
