//! What Dataverse says when it refuses.

use super::tables::Table;
use crate::server::{Answer, json};
use axum::http::StatusCode;
use serde_json::json;
use uuid::Uuid;

/// The principal that error messages name.
pub const USER: Uuid = Uuid::from_u128(0x5555_5555_aaaa_4bbb_8ccc_6666_6666_6666);

/// A standard Dataverse error.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

/// Either an answer or a standard error.
pub type Reply = Result<Answer, Refusal>;

impl Refusal {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message }
    }

    /// 400: a plug-in refused.
    pub fn plug_in(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "0x80040265", message)
    }

    /// 400: the body did not deserialise.
    pub fn body(message: impl std::fmt::Display) -> Self {
        let message = format!("An error occurred while validating input parameters: {message}");
        Self::new(StatusCode::BAD_REQUEST, "0x80048d19", message)
    }

    /// 400: something about the URI.
    pub fn uri(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "0x80060888", message)
    }

    /// 400: no such column.
    pub fn no_column(column: &str, table: Table) -> Self {
        Self::uri(format!(
            "Could not find a property named '{column}' on type 'Microsoft.Dynamics.CRM.{}'.",
            table.logical()
        ))
    }

    /// 404: no such set, function or action.
    pub fn no_resource(name: &str) -> Self {
        let message = format!("Resource not found for the segment '{name}'.");
        Self::new(StatusCode::NOT_FOUND, "0x80060888", message)
    }

    /// 404: no such row.
    pub fn no_row(table: &str, id: Uuid) -> Self {
        let message = format!("{table} With Id = {id} Does Not Exist");
        Self::new(StatusCode::NOT_FOUND, "0x80040217", message)
    }

    /// 400: a contact of a batch does not exist.
    pub fn no_contact(id: Uuid) -> Self {
        let message = format!("contact With Id = {id} Does Not Exist");
        Self::new(StatusCode::BAD_REQUEST, "0x80040217", message)
    }

    /// 403: the application user is missing.
    pub fn no_user() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "0x80072560",
            "The user is not a member of the organization.",
        )
    }

    /// 403: a privilege is missing.
    pub fn no_privilege(privilege: &str, table: &str) -> Self {
        let message = format!(
            "Principal user (Id={USER}, type=8, roleCount=1, privilegeCount=537, accessMode=0), is missing \
             {privilege} privilege (Id={}) on OTC=10943 for entity '{table}'. context.Caller={USER}",
            Uuid::from_u128(7)
        );
        Self::new(StatusCode::FORBIDDEN, "0x80040220", message)
    }

    /// 412: another version.
    pub fn version() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "0x80060882",
            "The version of the existing record doesn't match the RowVersion property provided.",
        )
    }

    /// 412: the table has no versions.
    pub fn no_versions(table: &str) -> Self {
        let message = format!("The {table} entity does not support optimistic concurrency.");
        Self::new(StatusCode::PRECONDITION_FAILED, "0x80060881", message)
    }

    /// 429 with the seconds to wait.
    pub fn throttled(code: &'static str, message: String, seconds: u64) -> Answer {
        let mut answer = Self::new(StatusCode::TOO_MANY_REQUESTS, code, message).into_answer();
        answer.headers_mut().insert("retry-after", seconds.into());
        answer
    }

    /// Writes the error object.
    pub fn into_answer(self) -> Answer {
        json(
            self.status,
            &json!({"error": {"code": self.code, "message": self.message}}),
        )
    }
}

/// The error body for fault rules.
pub fn error_body(code: &str, message: &str) -> (&'static str, String) {
    (
        "application/json; odata.metadata=minimal",
        json!({"error": {"code": code, "message": message}}).to_string(),
    )
}
