//! The shim in front of real programs, daemons and builders. Needs root and `scripts/engine`.
//!
//! Earlier wrappers of docker had these defects, each of which has its test here or beside the decision:
//!
//! | what went wrong there | what holds it here |
//! |---|---|
//! | an image was pulled by a tag that another session had pushed meanwhile | `what_goes_through_a_registry_has_no_name_there`, `what_cannot_be_read_from_its_builder_comes_by_its_digest_or_by_load` |
//! | `compose exec api make build` was taken for a build | `a_command_in_a_container_is_no_build`, `commands_are_found_where_docker_finds_them` |
//! | `--build-arg X=1` of two words became a service's name, and nothing was built | `values_are_found_in_every_spelling`, `every_flag_takes_a_value_if_docker_s_does` |
//! | flags of compose that were not known were dropped, an unknown service was no error | `what_compose_has_to_do_itself_is_left_to_it`, `what_goes_wrong_ends_as_compose_ends` |
//! | contexts, inline files, secrets, labels, platforms of compose were lost | `every_field_of_build_is_kept`, `what_cannot_be_kept_leaves_the_project_to_compose` |
//! | images got other labels, names or ids | `a_target_has_compose_s_name_and_labels`, `what_is_built_is_what_compose_would_build` |
//! | `up --build`, `bake`, `image build`, `--context c build` were not seen | `services_are_built_in_one_run_and_then_started`, `compose_s_bake_is_built_once_and_only_what_is_missing_is_loaded` |
//! | `-tname` was no name, `-o out` no output | `values_are_found_in_every_spelling`, `what_is_meant_otherwise_stays_as_it_is` |
//! | the user's `--iidfile`, `--metadata-file` and `-q` were in the way | `what_the_user_asks_for_comes_out_with_a_classic_store` |
//! | stdin was read by a first build, and empty for the second | `who_reads_stdin_cannot_be_run_twice`, `what_the_user_asks_for_comes_out_with_containerd_s_store` |
//! | an id was compared with the wrong digest in containerd's store | `an_image_s_id_is_its_configuration_s_digest_or_its_manifest_s`, `containerd_s_store_gets_only_the_layers_that_it_lacks` |
//! | an image with a damaged layer counted as unchanged | `a_damaged_layer_never_becomes_an_image` |
//! | exit codes were all 1, signals were left to the process group | `every_exit_code_is_dockers`, `each_signal_reaches_docker_once`, `the_shim_ends_by_the_signal_that_ends_docker` |
//! | a registry with a port made a wrong name | `names_are_read_as_docker_reads_them`, `a_key_is_the_repository_whatever_its_tag_or_digest` |
//! | two services, or all images without a name, shared one cache folder | `a_key_is_one_file_name_and_no_two_repositories_share_one`, `a_context_without_a_name_has_that_of_its_folder` |
//! | builds at once damaged a shared cache, and it only grew | `six_sessions_at_once_with_a_branch_each_all_find_theirs_afterwards`, `a_build_that_is_killed_while_it_exports_leaves_a_cache_that_works` |
//! | a cache was asked of a builder that has none | `only_builders_that_can_export_are_asked_to` |
//! | `/work` was found in `/workspace` | `whole_components_match_and_the_longest_wins` |
//! | `-v/a:/b` and `--mount` in quotes were not rewritten, names of volumes were | `mounts_are_rewritten_in_every_spelling_and_nothing_else`, `the_daemon_is_asked_for_what_docker_would_ask_for` |
//! | a file of compose's replaced the user's own files and the project's name | `services_mount_what_the_daemon_has`, `only_a_project_without_a_name_gets_the_session_s` |
//! | rewritten files stayed behind after `exec` | `a_build_that_fails_ends_as_docker_s_does`, `only_what_killed_builds_left_is_swept` |
//! | a plugin was called by the wrong words | `a_plugin_is_called_with_the_words_of_docker_or_with_its_own` |
//! | a shim called itself for ever | `two_programs_that_hand_over_to_each_other_end`, `a_command_that_passes_several_shims_is_taken_care_of_once` |
//! | what the builder's folder lacked was silently another builder | `what_was_skipped_is_said_where_it_is_asked_for` |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod cache;
mod cache_surroundings;
mod compose;
mod compose_double;
mod daemon_double;
mod doctor;
mod image;
mod inherited;
mod install;
mod load;
mod load_flags;
mod load_memory;
mod load_registry;
mod load_trouble;
mod load_ways;
mod lot;
mod mutations;
mod passage;
mod plugin;
mod recorder;
mod relay;
mod requests;
mod seats;
mod secrets;
mod surroundings;
mod terminal;
