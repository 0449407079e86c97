//! Which Dataverse organization, in which of Microsoft's clouds, and who signs in there.

use std::fmt;
use url::{Host, Url};

/// Microsoft's clouds: the domain of their organizations and the Entra authority of each.
///
/// GCC (`crm9.dynamics.com`) signs in at the public authority. Sources: Microsoft's list of data center regions, the
/// SDK's discovery code for `appsplatform.us`.
const CLOUDS: [(&str, &str); 5] = [
    ("dynamics.com", "https://login.microsoftonline.com"),
    ("microsoftdynamics.us", "https://login.microsoftonline.us"),
    ("appsplatform.us", "https://login.microsoftonline.us"),
    ("dynamics.cn", "https://login.partner.microsoftonline.cn"),
    ("microsoftdynamics.de", "https://login.microsoftonline.de"),
];

/// The hosts that Microsoft answers token requests at; the last one is the older address for China.
const LOGIN_HOSTS: [&str; 5] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.microsoftonline.de",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
];

/// The regions of the public cloud that are in use (Microsoft's list of data center regions, November 2026).
const REGIONS: [&str; 20] = [
    "crm", "crm2", "crm3", "crm4", "crm5", "crm6", "crm7", "crm8", "crm9", "crm10", "crm11", "crm12", "crm14", "crm15",
    "crm16", "crm17", "crm19", "crm20", "crm21", "crm22",
];

/// The checked address of a Dataverse organization: a host of Microsoft's clouds over https, or loopback; no path.
#[derive(Clone, PartialEq, Eq)]
pub struct Organization {
    url: Url,
    warning: Option<String>,
}

impl Organization {
    /// Takes an organization's whole address; the error says what it must be.
    pub fn from_url(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "an address such as https://socktown.crm4.dynamics.com: https (http on loopback only), a \
                                host of Microsoft's Dynamics clouds, no user, path or query";
        let url = bare_url(text).ok_or(EXPECTED)?;
        if is_loopback(&url) {
            return Ok(Self { url, warning: None });
        }
        let host = url.host_str().unwrap_or_default();
        let (name, suffix) = host.split_once('.').ok_or(EXPECTED)?;
        // `<name>.api.<region>...` is Microsoft's other name of the same organization.
        let suffix = suffix.strip_prefix("api.").unwrap_or(suffix);
        // A short code is complete as a region, but not in an address.
        if !suffix.contains('.') {
            return Err(EXPECTED);
        }
        Self::from_parts(suffix, name).map_err(|_| EXPECTED)
    }

    /// Takes the environment's region (`crm4` or `crm4.dynamics.com`) and its URL name, in any case.
    pub(super) fn from_parts(region: &str, name: &str) -> Result<Self, InvalidPart> {
        let region = region.to_ascii_lowercase();
        let name = name.to_ascii_lowercase();
        let (code, cloud) = region.split_once('.').unwrap_or((&region, "dynamics.com"));
        if !is_region_code(code) || authority_of_cloud(cloud).is_none() {
            return Err(InvalidPart::Region);
        }
        if !is_label(&name) {
            return Err(InvalidPart::Name);
        }
        let url = Url::parse(&format!("https://{name}.{code}.{cloud}")).map_err(|_| InvalidPart::Name)?;
        let is_known = if cloud == "dynamics.com" {
            REGIONS.contains(&code)
        } else {
            code == "crm"
        };
        let warning = (!is_known).then(|| {
            format!(
                "`{code}.{cloud}` is no environment region known to this version; check it if the organization is not found"
            )
        });
        Ok(Self { url, warning })
    }

    /// Returns the address; its path is `/`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Names the environment: the organization's host, with its port where there is one.
    pub fn environment(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map(|port| format!(":{port}"));
        format!("{host}{}", port.unwrap_or_default())
    }

    /// Returns the scope of a token for this organization, such as `https://socktown.crm4.dynamics.com/.default`.
    pub fn scope(&self) -> String {
        format!("{}/.default", self.url.origin().ascii_serialization())
    }

    /// Returns a sentence where the region is unknown to this version, which need not be wrong.
    pub fn warning(&self) -> Option<String> {
        self.warning.clone()
    }

    /// Returns the Entra authority of the organization's cloud; loopback has none.
    pub(super) fn authority(&self) -> Option<Url> {
        let cloud = self.url.domain()?.splitn(3, '.').nth(2)?;
        authority_of_cloud(cloud).and_then(|authority| Url::parse(authority).ok())
    }
}

impl fmt::Debug for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Organization(..)")
    }
}

/// Tells which of the two parts of an address cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvalidPart {
    /// The environment region.
    Region,
    /// The environment name.
    Name,
}

/// Takes the address of an Entra authority; the error says what it must be.
pub(super) fn authority(text: &str) -> Result<Url, &'static str> {
    bare_url(text)
        .filter(|url| is_loopback(url) || url.host_str().is_some_and(|host| LOGIN_HOSTS.contains(&host)))
        .ok_or(
            "an address such as https://login.microsoftonline.com: https (http on loopback only), a login host of \
             Microsoft, no user, path or query",
        )
}

/// Reads an address that is nothing but scheme, host and, on loopback, a port.
fn bare_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    let is_safe = if is_loopback(&url) {
        matches!(url.scheme(), "http" | "https")
    } else {
        url.scheme() == "https" && url.port().is_none()
    };
    (is_bare && is_safe).then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn authority_of_cloud(cloud: &str) -> Option<&'static str> {
    CLOUDS
        .iter()
        .find(|(domain, _)| *domain == cloud)
        .map(|(_, authority)| *authority)
}

/// Returns whether the code is `crm`, `crm` with a number, or Microsoft's own `crmtest`.
fn is_region_code(code: &str) -> bool {
    code.strip_prefix("crm")
        .is_some_and(|rest| rest == "test" || rest.len() <= 4 && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns whether the name is one label of a host name (RFC 1123).
fn is_label(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(organization: &Organization) -> &str {
        organization.url().as_str()
    }

    #[test]
    fn an_environment_has_one_name_however_its_address_is_written() {
        for url in [
            "https://socktown.crm4.dynamics.com",
            "https://SockTown.api.crm4.Dynamics.com/",
        ] {
            let organization = Organization::from_url(url).unwrap();
            assert_eq!(organization.environment(), "socktown.crm4.dynamics.com");
        }
        let sandbox = Organization::from_url("http://127.0.0.1:8080").unwrap();
        assert_eq!(sandbox.environment(), "127.0.0.1:8080");
    }

    #[test]
    fn region_and_name_make_the_address_the_scope_and_the_authority() {
        for (region, name, url, authority) in [
            (
                "crm",
                "socktown",
                "https://socktown.crm.dynamics.com/",
                "https://login.microsoftonline.com/",
            ),
            (
                "CRM4",
                "SockTown",
                "https://socktown.crm4.dynamics.com/",
                "https://login.microsoftonline.com/",
            ),
            (
                "crm9",
                "gov-1",
                "https://gov-1.crm9.dynamics.com/",
                "https://login.microsoftonline.com/",
            ),
            (
                "crm4.dynamics.com",
                "x",
                "https://x.crm4.dynamics.com/",
                "https://login.microsoftonline.com/",
            ),
            (
                "crm.microsoftdynamics.us",
                "x",
                "https://x.crm.microsoftdynamics.us/",
                "https://login.microsoftonline.us/",
            ),
            (
                "crm.appsplatform.us",
                "x",
                "https://x.crm.appsplatform.us/",
                "https://login.microsoftonline.us/",
            ),
            (
                "crm.dynamics.cn",
                "x",
                "https://x.crm.dynamics.cn/",
                "https://login.partner.microsoftonline.cn/",
            ),
            (
                "crm.microsoftdynamics.de",
                "x",
                "https://x.crm.microsoftdynamics.de/",
                "https://login.microsoftonline.de/",
            ),
        ] {
            let organization = Organization::from_parts(region, name).unwrap();
            assert_eq!(address(&organization), url);
            assert_eq!(organization.scope(), format!("{url}.default"));
            assert_eq!(organization.authority().unwrap().as_str(), authority);
            assert_eq!(organization.warning(), None, "{region}");
            assert_eq!(Organization::from_url(url), Ok(organization));
        }
    }

    #[test]
    fn a_region_that_came_later_passes_with_a_warning() {
        for region in ["crm13", "crm99", "crm2.microsoftdynamics.us"] {
            let warning = Organization::from_parts(region, "socktown").unwrap().warning().unwrap();
            assert!(warning.contains(region), "{warning}");
        }
    }

    #[test]
    fn parts_that_are_no_region_or_name_are_refused() {
        for region in [
            "",
            "EUR",
            "crm4x",
            "4",
            "crm4.",
            "crm4.example.com",
            "crm4.dynamics.com.evil.com",
            "https://crm4",
            "crm123456",
        ] {
            assert_eq!(
                Organization::from_parts(region, "socktown"),
                Err(InvalidPart::Region),
                "{region}"
            );
        }
        for name in [
            "",
            "sock town",
            "socktown.crm4",
            "https://socktown",
            "a/b",
            "x@y",
            "-a",
            "sockentürme",
        ] {
            assert_eq!(Organization::from_parts("crm4", name), Err(InvalidPart::Name), "{name}");
        }
    }

    #[test]
    fn the_api_host_is_the_same_organization() {
        let organization = Organization::from_url("https://SockTown.api.crm4.dynamics.com").unwrap();
        assert_eq!(address(&organization), "https://socktown.crm4.dynamics.com/");
    }

    #[test]
    fn loopback_may_speak_http_and_keeps_its_port() {
        for (text, scope) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/.default"),
            ("http://localhost:1/", "http://localhost:1/.default"),
            ("https://[::1]:8443", "https://[::1]:8443/.default"),
        ] {
            let organization = Organization::from_url(text).unwrap();
            assert_eq!(organization.scope(), scope);
            assert_eq!(organization.authority(), None);
            assert!(authority(text).is_ok());
        }
    }

    #[test]
    fn addresses_outside_microsofts_clouds_or_with_extras_are_refused() {
        for text in [
            "socktown.crm4.dynamics.com",
            "http://socktown.crm4.dynamics.com",
            "https://socktown.crm4.dynamics.com:8443",
            "https://socktown.crm4.dynamics.com/main.aspx",
            "https://socktown.crm4.dynamics.com/?x=1",
            "https://socktown.crm4.dynamics.com/#x",
            "https://user@socktown.crm4.dynamics.com",
            "https://user:pass@127.0.0.1",
            "https://socktown.crm4",
            "https://socktown.crm4.dynamics.com.",
            "https://crm4.dynamics.com",
            "https://a.b.crm4.dynamics.com",
            "https://dynamics.com",
            "https://socktown.crm4.dynamics.com.evil.example",
            "https://socktown.crm4.evildynamics.com",
            "https://socktown.crm4.dynamics.com@evil.example",
            "https://169.254.169.254",
            "http://10.0.0.1",
            "http://localhost.evil.example",
            "ftp://localhost",
            "file:///etc/passwd",
            "",
        ] {
            assert!(Organization::from_url(text).is_err(), "{text}");
            assert!(authority(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_microsofts_login_hosts_get_the_client_secret() {
        for host in LOGIN_HOSTS {
            assert!(authority(&format!("https://{host}/")).is_ok());
            assert!(authority(&format!("http://{host}/")).is_err());
            assert!(authority(&format!("https://{host}/common")).is_err());
            assert!(authority(&format!("https://{host}.evil.example")).is_err());
        }
        assert!(authority("https://socktown.crm4.dynamics.com").is_err());
    }
}
