//! Ids that cannot be taken for one another.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// Gives the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An account: twelve digits.
    AccountId
);
id!(
    /// An instance: a UUID in lower-case text.
    InstanceId
);
id!(
    /// A data disk: a UUID in lower-case text.
    DiskId
);
id!(
    /// An operation: a UUID in lower-case text.
    OperationId
);
id!(
    /// A snapshot: a UUID in lower-case text.
    SnapshotId
);
