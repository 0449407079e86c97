//! Small tools for text that every room may use, and that use none.

pub(crate) mod json;
pub(crate) mod near;
pub(crate) mod percent;
pub(crate) mod shown;
