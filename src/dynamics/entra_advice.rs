//! What a refusal of Entra ID means, and which secret to correct.

use crate::config::Proof;
use serde_json::Value;

/// The two parts of an Entra ID error answer that are read; its text is never shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refused {
    /// The OAuth error, such as `invalid_client`: stable, so decisions rest on it.
    pub(super) error: String,
    /// The `AADSTS` number: Microsoft may change it, so that it only improves the advice.
    pub(super) number: Option<u32>,
}

/// Stands for the OAuth error where there is none but a redirection.
const ELSEWHERE: &str = "redirection";

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
        let Ok(body) = serde_json::from_slice::<Value>(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)) else {
            return Self::default();
        };
        let text = |key: &str| body[key].as_str().unwrap_or_default();
        // One broken field must not hide the others.
        let number = match &body["error_codes"][0] {
            Value::String(number) => number.parse().ok(),
            number => number.as_u64().and_then(|number| number.try_into().ok()),
        };
        Self {
            error: text("error").to_owned(),
            number: number.or_else(|| number_in(text("error_description"))),
        }
    }

    /// What was answered by pointing to another address, which the secret is never sent to.
    pub(super) fn elsewhere() -> Self {
        Self {
            error: ELSEWHERE.to_owned(),
            number: None,
        }
    }

    /// Returns whether the same request may succeed a little later.
    ///
    /// The numbers are those that Microsoft's list of AADSTS codes calls transient or server errors.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self.error.as_str(), "temporarily_unavailable" | "server_error")
            || matches!(self.number, Some(90006 | 90012 | 90024 | 90033 | 90055 | 50000))
    }

    /// Returns whether what stands in the secret was not accepted: it may have been rotated meanwhile.
    ///
    /// `invalid_client` is said of other things, too, so that a number that has advice of its own decides.
    pub(super) fn is_about(&self, proof: &Proof) -> bool {
        let is_of_a_certificate = matches!(self.number, Some(700_024 | 700_027));
        match proof {
            Proof::ClientSecret { .. } => self.is_about_a_secret() && !is_of_a_certificate,
            Proof::Certificate(_) => self.is_about_a_secret(),
            Proof::AwsIdentity => false,
        }
    }

    /// Returns whether the app registration does not know the certificate that was shown.
    pub(super) fn does_not_know_the_certificate(&self) -> bool {
        matches!(
            (self.number, self.error.as_str()),
            (Some(700_027), _) | (None, "invalid_client")
        )
    }

    fn is_about_a_secret(&self) -> bool {
        let is_about_something_else = matches!(
            self.number,
            Some(
                50_194
                    | 50_196
                    | 53_003
                    | 65_001
                    | 70_021
                    | 90_002
                    | 90_094
                    | 501_051
                    | 530_032
                    | 650_057
                    | 700_016
                    | 700_211..=700_213 | 7_000_112 | 7_000_229 | 9_002_313
            )
        );
        self.error == "invalid_client" && !is_about_something_else
    }

    /// Returns the number as people search for it.
    pub(super) fn code(&self) -> Option<String> {
        self.number.map(|number| format!("AADSTS{number}"))
    }

    /// Returns whose value is wrong, what is wrong with it and what to do, for an application that signs in in this way.
    pub(super) fn advice(&self, proof: &Proof) -> (Culprit, &'static str) {
        if let Some(advice) = self.about_the_environment() {
            return (Culprit::Destination, advice);
        }
        let advice = self.about_the_application().or_else(|| match proof {
            Proof::ClientSecret { .. } => self.about_a_client_secret(),
            Proof::Certificate(_) => self.about_a_certificate(),
            Proof::AwsIdentity => self.about_federation(),
        });
        (
            Culprit::Credential,
            advice.unwrap_or_else(|| self.about_the_credential()),
        )
    }

    fn about_the_environment(&self) -> Option<&'static str> {
        Some(match (self.number, self.error.as_str()) {
            (Some(70011), _) | (_, "invalid_scope") => {
                "the environment's URL makes no valid scope; correct `environment_name` and `environment_region`, or `environment_url`"
            }
            (Some(500_014), _) => {
                "the tenant has Dataverse itself disabled as a resource: its subscription has lapsed, or an administrator \
                 disabled it; let an Entra ID administrator enable sign-in for Dataverse (application id \
                 00000007-0000-0000-c000-000000000000) under Enterprise applications and check the licences"
            }
            (Some(50_001), _) => {
                "the environment's URL is no resource that Entra ID knows, or it is disabled; correct `environment_name` and \
                 `environment_region`, or `environment_url`, and check that Dataverse is enabled under Enterprise applications"
            }
            (Some(500_011), _) => {
                "the tenant has no environment with this URL; correct `environment_name` and `environment_region`, or \
                 `environment_url`, or the credential's `tenant_id`"
            }
            (_, "invalid_resource") => {
                "Entra ID gives no token for this environment's URL; correct `environment_name` and `environment_region`, or \
                 `environment_url`, or the credential's `tenant_id`, and check that Dataverse is enabled under Enterprise \
                 applications"
            }
            _ => return None,
        })
    }

    /// Says what an Entra ID administrator has to do for the application.
    fn about_the_application(&self) -> Option<&'static str> {
        Some(match self.number {
            Some(65_001 | 90_094) => {
                "nobody has consented to the application in this tenant; let an Entra ID administrator grant admin consent under \
                 API permissions of the app registration, and check that `client_id` and `tenant_id` are those of it"
            }
            Some(501_051) => {
                "Dataverse gives tokens to assigned applications only in this tenant; let an Entra ID administrator assign the \
                 application to it under Enterprise applications"
            }
            Some(50_194) => {
                "the application belongs to one tenant, and `tenant_id` names another one or none; put the tenant of the app \
                 registration into `tenant_id`"
            }
            Some(50_196) => {
                "Entra ID has stopped the application for some minutes, since it asked for the same token again and again; see \
                 what else signs in with this `client_id`"
            }
            Some(650_057) => {
                "the app registration does not list the environment among its API permissions; add `Dynamics CRM` (Dataverse) \
                 there and have an administrator consent, and check that `client_id` is that of this registration"
            }
            Some(7_000_229) => {
                "the application has no service principal in the tenant; let an Entra ID administrator add it under Enterprise \
                 applications, or correct `tenant_id`"
            }
            Some(7_000_112) => "the application is disabled; enable it in Entra ID under Enterprise applications",
            Some(53003 | 530_032) => {
                "a conditional access policy blocks the application; let an Entra ID administrator exempt its service principal"
            }
            _ => return None,
        })
    }

    fn about_the_credential(&self) -> &'static str {
        match (self.number, self.error.as_str()) {
            (None, ELSEWHERE) => {
                "the sign-in address answers with a redirection, which the credential is not sent to; correct \
                 `authority_url`, or let the network answer for it without a proxy's sign-in page"
            }
            (Some(90002), _) | (_, "invalid_tenant") => {
                "this cloud knows no such tenant; correct `tenant_id`, or `authority_url` if the tenant is in a national cloud"
            }
            (Some(90038 | 900_382), _) => {
                "the tenant belongs to another national cloud; set `authority_url` to that cloud's sign-in address"
            }
            (Some(700_016), _) => {
                "the tenant has no application with this client id; correct `client_id`, or `tenant_id`"
            }
            (Some(900_144), _) => "a field is missing in the request; fill in `client_id`",
            (Some(9_002_313), _) => {
                "the request arrived malformed; look for characters in the credential's fields that were copied along, and for a \
                 proxy that changes requests"
            }
            (Some(900_023), _) => "`tenant_id` is neither a GUID nor a domain; correct it",
            (Some(_), "invalid_client") => {
                "the application's sign-in is not accepted, for a reason that this program does not know; look the number up at \
                 https://login.microsoftonline.com/error, and check `client_id` and what the application signs in with"
            }
            (_, "unauthorized_client") => {
                "the application may not sign in this way; check `client_id` and that it is enabled in the tenant"
            }
            _ => {
                "the sign-in was refused; check `tenant_id`, `client_id` and `authority_url`, and what the application signs in with"
            }
        }
    }

    fn about_a_client_secret(&self) -> Option<&'static str> {
        Some(match (self.number, self.error.as_str()) {
            (Some(7_000_215), _) => {
                "the client secret is wrong; put the secret's value (not its id) from the app registration into `client_secret`"
            }
            (Some(7_000_222), _) => {
                "the client secret has expired; create a new one in the app registration and put its value into `client_secret`"
            }
            (Some(7_000_216 | 7_000_218), _) => "no client secret arrived; fill in `client_secret`",
            (None, "invalid_client") => {
                "the client secret is not accepted; put a valid secret of the app registration into `client_secret`"
            }
            _ => return None,
        })
    }

    fn about_a_certificate(&self) -> Option<&'static str> {
        if self.does_not_know_the_certificate() {
            return Some(
                "the app registration does not know the certificate; add it there under Certificates & secrets, Certificates \
                 (without its private key), or put one that stands there into `certificate`; a new one takes minutes to be known",
            );
        }
        (self.number == Some(700_024)).then_some(
            "the certificate has ended or is not valid yet; make a new one, add it to the app registration and put it into \
             `certificate` with its private key",
        )
    }

    fn about_federation(&self) -> Option<&'static str> {
        const TRUST: &str = "the app registration does not trust the function's identity; give it a federated credential whose issuer is the \
             account's (`aws iam get-outbound-web-identity-federation-info`), whose subject is the ARN of the function's role and whose \
             audience is api://AzureADTokenExchange; a new one takes minutes to be known";
        Some(match (self.number, self.error.as_str()) {
            (Some(70_021 | 700_211..=700_213), _) | (None, "invalid_client") => TRUST,
            (Some(700_024 | 700_027), _) => {
                "Entra ID does not accept the token that AWS gave; see that the issuer of the federated credential is the account's, and \
                 try again"
            }
            _ => return None,
        })
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

    fn secret() -> Proof {
        Proof::ClientSecret {
            value: "x".into(),
            expires_on: None,
        }
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
            (
                "invalid_resource",
                500_014,
                Culprit::Destination,
                "subscription has lapsed",
            ),
            ("invalid_resource", 50_001, Culprit::Destination, "environment_url"),
            ("invalid_resource", 1, Culprit::Destination, "Dataverse is enabled"),
            ("invalid_client", 650_057, Culprit::Credential, "API permissions"),
            ("invalid_client", 65_001, Culprit::Credential, "admin consent"),
            ("invalid_grant", 65_001, Culprit::Credential, "admin consent"),
            ("invalid_grant", 501_051, Culprit::Credential, "assign the"),
            ("invalid_client", 50_194, Culprit::Credential, "one tenant"),
            ("invalid_client", 50_196, Culprit::Credential, "again and again"),
            ("invalid_client", 9_002_313, Culprit::Credential, "malformed"),
            ("invalid_request", 9_002_313, Culprit::Credential, "malformed"),
            ("invalid_client", 123_456, Culprit::Credential, "look the number up"),
            ("invalid_request", 900_023, Culprit::Credential, "tenant_id"),
            (
                "unauthorized_client",
                7_000_229,
                Culprit::Credential,
                "service principal",
            ),
            ("invalid_client", 7_000_216, Culprit::Credential, "client_secret"),
            ("unauthorized_client", 7_000_112, Culprit::Credential, "disabled"),
            ("", 53003, Culprit::Credential, "conditional access"),
            ("", 530_032, Culprit::Credential, "conditional access"),
            ("invalid_client", 1, Culprit::Credential, "signs in with"),
            ("unauthorized_client", 1, Culprit::Credential, "client_id"),
            ("odd", 1, Culprit::Credential, "refused"),
        ] {
            let refused = refused(error, number);
            let (found, advice) = refused.advice(&secret());
            assert_eq!(found, culprit, "{number}");
            assert!(advice.contains(field), "{number}: {advice}");
            assert!(!refused.is_transient(), "{number}");
            assert_eq!(refused.code(), Some(format!("AADSTS{number}")));
        }
    }

    #[test]
    fn only_what_is_said_of_the_secret_has_it_read_again() {
        for (error, number, expected) in [
            ("invalid_client", 7_000_215, true),
            ("invalid_client", 7_000_222, true),
            ("invalid_client", 1, true),
            ("invalid_client", 650_057, false),
            ("invalid_client", 65_001, false),
            ("invalid_client", 50_194, false),
            ("invalid_client", 50_196, false),
            ("invalid_client", 9_002_313, false),
            ("unauthorized_client", 700_016, false),
        ] {
            assert_eq!(refused(error, number).is_about(&secret()), expected, "{number}");
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
        for codes in ["null", "[]", "[\"x\"]", "{}", "[-1]", "7000222", "[99999999999]"] {
            let body =
                format!(r#"{{"error":"invalid_client","error_codes":{codes},"error_description":"AADSTS7000215"}}"#);
            assert_eq!(Refused::read(body.as_bytes()).number, Some(7_000_215), "{codes}");
        }
    }
}
