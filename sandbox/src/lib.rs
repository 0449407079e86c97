//! Everything the loader talks to, as loopback servers inside the test process.
//!
//! [`Sandbox::start`] listens on three ports of 127.0.0.1, needs no disk and no other process, and ends on drop:
//!
//! | server | endpoints |
//! |---|---|
//! | AWS | S3, path style, signature V4 (`/{bucket}/{key}`); Secrets Manager `GetSecretValue`, `CreateSecret`, `PutSecretValue`, `UpdateSecret`, `ListSecrets`, EventBridge `PutEvents` (by `X-Amz-Target`); STS `GetWebIdentityToken` (a form) |
//! | Entra ID | `POST /{tenant}/oauth2/v2.0/token` |
//! | Dataverse | `/api/data/v9.{0,1,2}/`: `WhoAmI`, the sets `msdynmkt_segments`, `msdynmkt_segmentdefinitions`, `msdynmkt_segmentexecutions`, `contacts`, `businessunits`, the privileges and roles of the application user, and the `msdynmkt_*` actions on segments |
//!
//! [`lambda`] is separate: a Runtime API with the real binary as its child process.

pub mod assertion;
pub mod certificate;
pub mod clock;
pub mod dataverse;
pub mod entra;
pub mod events;
pub mod faults;
pub mod front;
pub mod lambda;
pub mod s3;
pub mod secrets;
mod server;
pub mod sts;

pub use dataverse::Dataverse;
pub use entra::Entra;
pub use events::Events;
pub use faults::Fault;
pub use front::Logged;
pub use s3::S3;
pub use secrets::Secrets;
pub use sts::Sts;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use serde_json::json;
use server::{Call, Server, detached};

/// The bucket that is there, with versions.
pub const BUCKET: &str = "socktown-results";
/// The destination secret that is there.
pub const DESTINATION_SECRET: &str = "segment-loader/destination";
/// The credential secret that is there.
pub const CREDENTIAL_SECRET: &str = "segment-loader/credential";
/// The region that AWS requests are signed for.
pub const REGION: &str = "eu-west-1";
/// The AWS account.
pub const ACCOUNT: &str = "123456789012";
/// The only access key that exists.
pub const ACCESS_KEY: &str = "AKIASANDBOXSANDBOX00";
/// Its secret key.
pub const SECRET_KEY: &str = "sandbox/secret/access/key/0123456789abcd";

/// The running sandbox; dropping it ends every server.
pub struct Sandbox {
    pub s3: S3,
    pub secrets: Secrets,
    pub sts: Sts,
    pub events: Events,
    pub entra: Entra,
    pub dataverse: Dataverse,
    aws: Server,
    authority: Server,
    organization: Server,
}

/// What a sandbox starts with.
#[derive(Clone, Copy, Debug)]
pub struct Builder {
    versioned: bool,
    default_secrets: bool,
}

impl Sandbox {
    /// Starts with the versioned bucket and working secrets.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Chooses what to start with.
    pub fn builder() -> Builder {
        Builder {
            versioned: true,
            default_secrets: true,
        }
    }

    /// Returns the URL of S3 and Secrets Manager.
    pub fn aws_url(&self) -> String {
        self.aws.url()
    }

    /// Returns the URL of the token endpoint.
    pub fn authority_url(&self) -> String {
        self.authority.url()
    }

    /// Returns the URL of the organization.
    pub fn organization_url(&self) -> String {
        self.organization.url()
    }

    /// Returns the environment of a function in this sandbox.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.aws_url().as_str()),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("DESTINATION_SECRET_ID", DESTINATION_SECRET),
            ("RESULTS_BUCKET", BUCKET),
            ("NO_PROXY", "127.0.0.1,localhost"),
            ("TZ", "UTC"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Returns the configuration of AWS clients in this process.
    pub fn aws_config(&self) -> SdkConfig {
        let credentials = aws_sdk_s3::config::Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "sandbox");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.aws_url())
            .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(credentials))
            .build()
    }

    /// Puts the default secrets again, as they are at the start.
    pub fn put_default_secrets(&self) {
        self.secrets.put(
            CREDENTIAL_SECRET,
            &json!({
                "name": "sandbox", "type": "dynamics-365-marketing", "tenant_id": entra::TENANT,
                "client_id": entra::CLIENT, "client_secret": entra::CLIENT_SECRET,
                "authority_url": self.authority_url(),
            }),
        );
        self.secrets.put(
            DESTINATION_SECRET,
            &json!({"name": "sandbox", "credential": CREDENTIAL_SECRET, "environment_url": self.organization_url()}),
        );
    }
}

impl Builder {
    /// Creates the bucket without versions.
    pub fn unversioned(mut self) -> Self {
        self.versioned = false;
        self
    }

    /// Puts no secrets.
    pub fn without_secrets(mut self) -> Self {
        self.default_secrets = false;
        self
    }

    /// Starts the servers.
    pub async fn start(self) -> Sandbox {
        let (s3, secrets, sts, events) = (S3::new(), Secrets::new(), Sts::new(), Events::new());
        let (entra, authority) = Entra::start().await;
        let (dataverse, organization) = Dataverse::start(entra.clone()).await;
        entra.allow_resource(&organization.url());
        let services = (s3.clone(), secrets.clone(), sts.clone(), events.clone());
        let aws = Server::start(move |call: Call| {
            let (s3, secrets, sts, events) = services.clone();
            detached(async move {
                match call.header("x-amz-target") {
                    Some(target) if target.starts_with("AWSEvents.") => events.serve(call).await,
                    Some(_) => secrets.serve(call).await,
                    None if is_form(&call) => sts.serve(call).await,
                    None => s3.serve(call).await,
                }
            })
        })
        .await;
        s3.create_bucket(BUCKET, self.versioned);
        let sandbox = Sandbox {
            s3,
            secrets,
            sts,
            events,
            entra,
            dataverse,
            aws,
            authority,
            organization,
        };
        if self.default_secrets {
            sandbox.put_default_secrets();
        }
        sandbox
    }
}

/// Returns whether a call is of the query protocol, which S3 and Secrets Manager do not speak.
fn is_form(call: &Call) -> bool {
    let kind = call.headers.get(axum::http::header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"))
}
