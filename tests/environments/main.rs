//! Environment images on real engines. Needs root and `scripts/engine`.
//!
//! Earlier builders of such images had these defects, each of which has its test here or beside the decision:
//!
//! | what went wrong there | what holds it here |
//! |---|---|
//! | after a failed build nothing ran the cached script, and a good stage below was thrown away | `a_broken_stage_is_left_to_the_start_and_the_one_below_is_kept` |
//! | a timeout waited for the end of the log, and left the builder working | `a_deadline_ends_the_builder_s_work_as_well` |
//! | the key lacked the template, the platform, the arguments; a name stood for the base image | `each_level_is_built_anew_when_it_changes_and_nothing_else_is` |
//! | any image with the right name was a hit | `a_name_alone_is_no_image` |
//! | the lock was one process's | `two_processes_at_once_build_once_and_both_get_the_image` |
//! | secrets were in layers | `a_secret_is_in_no_layer_key_state_or_log` |
//! | a script was dropped when a later version saved the file, and none was migrated | `case_5_an_older_environment_runs_as_it_did_and_is_cached_once_it_is_split` |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod building;
mod cases;
mod checking;
mod collecting;
mod conversions;
mod explaining;
mod interrupted;
mod one_question;
mod progress;
mod readme;
mod scene;
mod secrets;
mod signals;
mod splitting;
mod starting;
mod template;
mod together;
mod trouble;
