//! What a refusal of Entra ID means, and which secret to correct.

use serde::Deserialize;

/// The two parts of an Entra ID error answer that are read; its text is never shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refused {
    /// The OAuth error, such as `invalid_client`: stable, so decisions rest on it.
    pub(super) error: String,
    /// The `AADSTS` number: Microsoft may change it, so that it only improves the advice.
    pub(super) number: Option<u32>,
}

/// Which secret holds the wrong value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Culprit {
    /// The credential: tenant, client, client secret, authority.
    Credential,
    /// The destination: the organization's URL.
    Destination,
}

impl Refused {
    /// Reads the error answer; anything else is a refusal without a reason.
    pub(super) fn read(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            error: String,
            #[serde(default)]
            error_description: String,
            #[serde(default)]
            error_codes: Vec<u32>,
        }
        let Ok(body) = serde_json::from_slice::<Body>(body) else {
            return Self::default();
        };
        let number = body.error_codes.first().copied();
        Self {
            error: body.error,
            number: number.or_else(|| number_in(&body.error_description)),
        }
    }

    /// Tells whether the same request may succeed a little later.
    ///
    /// The numbers are those that Microsoft's list of AADSTS codes calls transient or server errors.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self.error.as_str(), "temporarily_unavailable" | "server_error")
            || matches!(self.number, Some(90006 | 90012 | 90024 | 90033 | 90055 | 50000))
    }

    /// Tells whether the client secret was not accepted: it may have been rotated meanwhile.
    pub(super) fn is_invalid_client(&self) -> bool {
        self.error == "invalid_client"
    }

    /// Returns the number as people search for it.
    pub(super) fn code(&self) -> Option<String> {
        self.number.map(|number| format!("AADSTS{number}"))
    }

    /// Returns whose value is wrong, what is wrong with it and what to do.
    pub(super) fn advice(&self) -> (Culprit, &'static str) {
        use Culprit::{Credential, Destination};
        match (self.number, self.error.as_str()) {
            (Some(90002), _) | (_, "invalid_tenant") => (
                Credential,
                "this cloud knows no such tenant; correct `tenant_id`, or `authority_url` if the tenant is in a national cloud",
            ),
            (Some(90038 | 900_382), _) => (
                Credential,
                "the tenant belongs to another national cloud; set `authority_url` to that cloud's sign-in address",
            ),
            (Some(700_016), _) => (
                Credential,
                "the tenant has no application with this client id; correct `client_id`, or `tenant_id`",
            ),
            (Some(7_000_215), _) => (
                Credential,
                "the client secret is wrong; put the secret's value (not its id) from the app registration into `client_secret`",
            ),
            (Some(7_000_222), _) => (
                Credential,
                "the client secret has expired; create a new one in the app registration and put its value into `client_secret`",
            ),
            (Some(7_000_218), _) => (Credential, "no client secret arrived; fill in `client_secret`"),
            (Some(900_144), _) => (
                Credential,
                "a field is missing in the request; fill in `client_id` and `client_secret`",
            ),
            (Some(70011), _) | (_, "invalid_scope") => (
                Destination,
                "the environment's URL makes no valid scope; correct `environment_name` and `environment_region`, or `environment_url`",
            ),
            (Some(500_011), _) | (_, "invalid_resource") => (
                Destination,
                "the tenant has no environment with this URL; correct `environment_name` and `environment_region`, or \
                 `environment_url`, or the credential's `tenant_id`",
            ),
            (Some(7_000_112), _) => (
                Credential,
                "the application is disabled; enable it in Entra ID under Enterprise applications",
            ),
            (Some(53003 | 530_032), _) => (
                Credential,
                "a conditional access policy blocks the application; let an Entra ID administrator exempt its service principal",
            ),
            (Some(70021 | 700_211 | 700_212 | 700_213), _) => (
                Credential,
                "the application trusts no such federated identity; add the federated credential, or wait some minutes if it is new",
            ),
            (Some(700_027), _) => (
                Credential,
                "the application does not know the certificate; upload it to the app registration",
            ),
            (Some(700_024), _) => (
                Credential,
                "the signed assertion is outside its validity; check the clock and the certificate's dates",
            ),
            (_, "invalid_client") => (
                Credential,
                "the client secret is not accepted; put a valid secret of the app registration into `client_secret`",
            ),
            (_, "unauthorized_client") => (
                Credential,
                "the application may not sign in this way; check `client_id` and that it is enabled in the tenant",
            ),
            _ => (
                Credential,
                "the sign-in was refused; check `tenant_id`, `client_id`, `client_secret` and `authority_url`",
            ),
        }
    }
}

fn number_in(description: &str) -> Option<u32> {
    let (_, tail) = description.split_once("AADSTS")?;
    let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
    tail[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(error: &str, number: u32) -> Refused {
        let description = format!("AADSTS{number}: Text with 'secret things'.\r\nTrace ID: x");
        let body = serde_json::json!({"error": error, "error_description": description, "error_codes": [number]});
        Refused::read(body.to_string().as_bytes())
    }

    #[test]
    fn every_documented_refusal_names_the_field_to_correct() {
        for (error, number, culprit, field) in [
            ("invalid_request", 90002, Culprit::Credential, "tenant_id"),
            ("invalid_tenant", 1, Culprit::Credential, "tenant_id"),
            ("invalid_request", 900_382, Culprit::Credential, "authority_url"),
            ("unauthorized_client", 700_016, Culprit::Credential, "client_id"),
            ("invalid_client", 7_000_215, Culprit::Credential, "client_secret"),
            ("invalid_client", 7_000_222, Culprit::Credential, "expired"),
            ("invalid_client", 7_000_218, Culprit::Credential, "client_secret"),
            ("invalid_request", 900_144, Culprit::Credential, "client_id"),
            ("invalid_scope", 70011, Culprit::Destination, "environment_url"),
            ("invalid_resource", 500_011, Culprit::Destination, "environment_url"),
            ("unauthorized_client", 7_000_112, Culprit::Credential, "disabled"),
            ("", 53003, Culprit::Credential, "conditional access"),
            ("", 530_032, Culprit::Credential, "conditional access"),
            ("invalid_request", 70021, Culprit::Credential, "federated"),
            ("invalid_client", 700_027, Culprit::Credential, "certificate"),
            ("invalid_client", 700_024, Culprit::Credential, "validity"),
            ("invalid_client", 1, Culprit::Credential, "client_secret"),
            ("unauthorized_client", 1, Culprit::Credential, "client_id"),
            ("odd", 1, Culprit::Credential, "refused"),
        ] {
            let refused = refused(error, number);
            let (found, advice) = refused.advice();
            assert_eq!(found, culprit, "{number}");
            assert!(advice.contains(field), "{number}: {advice}");
            assert!(!refused.is_transient(), "{number}");
            assert_eq!(refused.code(), Some(format!("AADSTS{number}")));
        }
    }

    #[test]
    fn transient_refusals_are_known_by_error_or_number() {
        for (error, number) in [
            ("temporarily_unavailable", 1),
            ("server_error", 1),
            ("invalid_request", 90033),
            ("", 50000),
        ] {
            assert!(refused(error, number).is_transient(), "{error} {number}");
        }
    }

    #[test]
    fn any_body_is_tolerated() {
        for body in ["", "<html>", "[]", "{}", r#"{"error":null}"#] {
            assert_eq!(Refused::read(body.as_bytes()), Refused::default(), "{body}");
        }
        let described = br#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid"}"#;
        assert_eq!(Refused::read(described).number, Some(7_000_215));
    }
}
