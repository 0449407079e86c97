//! Objects in S3, as everybody names them.

use crate::text::shown;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One version of one object in S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The bucket's name.
    pub bucket: String,
    /// The decoded key.
    pub key: String,
    /// The version; none in a bucket without versioning.
    pub version_id: Option<String>,
    /// The entity tag, without quotes; empty where nobody has looked at the object yet.
    pub etag: String,
}

impl ObjectRef {
    /// Names an object that nobody has looked at yet: the given version, or the newest.
    pub const fn unseen(bucket: String, key: String, version_id: Option<String>) -> Self {
        Self {
            bucket,
            key,
            version_id,
            etag: String::new(),
        }
    }
}

/// Writes the object's URL, as sentences name it.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&s3_url(&self.bucket, &self.key))
    }
}

/// Returns the S3 URL of an object or a folder, for sentences.
pub fn s3_url(bucket: &str, key: &str) -> String {
    format!("s3://{}/{}", shown::key(bucket), shown::key(key))
}

/// Returns the folder of a key, with the `/` at its end; nothing at the top of a bucket.
pub fn folder(key: &str) -> &str {
    key.rfind('/').map_or("", |end| &key[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_written_as_heads_and_answers_have_it() {
        let json = json!({"bucket": "results", "key": "incoming/a b.csv", "version_id": null, "etag": "9b2c"});
        let object: ObjectRef = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&object).unwrap(), json);
        assert_eq!(object.to_string(), "s3://results/incoming/a b.csv");
    }

    #[test]
    fn a_url_stands_on_one_line() {
        let object = ObjectRef::unseen("results".to_owned(), "incoming/a\nb.csv".to_owned(), None);
        assert_eq!(object.to_string(), "s3://results/incoming/a\\nb.csv");
    }
}
