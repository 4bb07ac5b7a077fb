//! The macro behind every closed list of published words: one spelling each, exact.

/// Declares an enum of published words with its spelling, its reader and its writer.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $count:literal { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every word, in published order.
            pub const ALL: [Self; $count] = [$(Self::$variant),+];
            /// Every spelling, in published order.
            pub const WORDS: [&'static str; $count] = [$($text),+];

            /// The published spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The word with exactly this spelling.
            pub fn from_wire(text: &str) -> Option<Self> {
                Self::from_bytes(text.as_bytes())
            }

            /// The same, for bytes that are not known to be text.
            #[inline]
            pub(crate) fn from_bytes(text: &[u8]) -> Option<Self> {
                $(if text == $text.as_bytes() { return Some(Self::$variant); })+
                None
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::from_wire(&text)
                    .ok_or_else(|| serde::de::Error::unknown_variant(&text, &Self::WORDS))
            }
        }
    };
}
pub(crate) use words;
