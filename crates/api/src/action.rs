//! What the table of actions says about one action.

use crate::{
    error::ErrorCode,
    generated::actions::{ALL, Action, TABLE},
    shape::ShapeId,
};

/// One row of the table of actions.
pub(crate) struct ActionDef {
    pub(crate) name: &'static str,
    pub(crate) input: ShapeId,
    pub(crate) output: ShapeId,
    pub(crate) errors: &'static [ErrorCode],
}

impl Action {
    /// Gives every action, in the order of their names.
    pub fn all() -> &'static [Action] {
        &ALL
    }

    /// Finds an action by its exact name on the wire.
    pub fn from_name(name: &str) -> Option<Action> {
        TABLE.binary_search_by(|row| row.name.cmp(name)).ok().map(|i| ALL[i])
    }

    /// Gives the name on the wire, such as `StartGUISession`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Gives the errors the service's description lists for the action.
    pub fn errors(self) -> &'static [ErrorCode] {
        self.row().errors
    }

    pub(crate) fn row(self) -> &'static ActionDef {
        &TABLE[self as usize]
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_name_only() {
        assert_eq!(Action::all().len(), 167);
        for (i, &action) in Action::all().iter().enumerate() {
            assert_eq!(action as usize, i);
            assert_eq!(Action::from_name(action.name()), Some(action));
            assert!(action.errors().contains(&ErrorCode::Service), "{action}");
        }
        assert_eq!(Action::from_name("startguisession"), None);
        assert_eq!(Action::from_name(""), None);
    }

    #[test]
    fn session_actions_list_their_own_errors() {
        assert!(!Action::StopGuiSession.errors().contains(&ErrorCode::OperationFailure));
        assert!(Action::CreateInstances.errors().contains(&ErrorCode::OperationFailure));
    }
}
