/** Lines that make clients talk to this site. */

/** Languages there are lines for. */
export type Snippet = "cli" | "python" | "javascript" | "rust";

/** Writes the lines. */
export function snippetsOf(key: {
  endpoint: string;
  region: string;
  id: string;
  secret: string;
}): Record<Snippet, string> {
  const { endpoint, region, id, secret } = key;
  return {
    cli: `export AWS_ACCESS_KEY_ID=${id}
export AWS_SECRET_ACCESS_KEY=${secret}
export AWS_DEFAULT_REGION=${region}
export AWS_ENDPOINT_URL_LIGHTSAIL=${endpoint}

aws lightsail get-instances
aws lightsail start-gui-session --resource-name NAME
aws lightsail create-gui-session-access-details --resource-name NAME
`,
    python: `import boto3

lightsail = boto3.client(
    "lightsail",
    endpoint_url="${endpoint}",
    region_name="${region}",
    aws_access_key_id="${id}",
    aws_secret_access_key="${secret}",
)
for instance in lightsail.get_instances()["instances"]:
    print(instance["name"], instance["state"]["name"])
`,
    javascript: `import { GetInstancesCommand, LightsailClient } from "@aws-sdk/client-lightsail";

const lightsail = new LightsailClient({
  endpoint: "${endpoint}",
  region: "${region}",
  credentials: { accessKeyId: "${id}", secretAccessKey: "${secret}" },
});
const { instances } = await lightsail.send(new GetInstancesCommand({}));
for (const instance of instances) {
  console.log(instance.name, instance.state.name);
}
`,
    rust: `// aws-config, aws-sdk-lightsail, tokio
use aws_sdk_lightsail::config::{Credentials, Region};

#[tokio::main]
async fn main() -> Result<(), aws_sdk_lightsail::Error> {
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url("${endpoint}")
        .region(Region::new("${region}"))
        .credentials_provider(Credentials::new("${id}", "${secret}", None, None, "porthole"))
        .load()
        .await;
    let lightsail = aws_sdk_lightsail::Client::new(&config);
    for instance in lightsail.get_instances().send().await?.instances() {
        println!("{}", instance.name().unwrap_or_default());
    }
    Ok(())
}
`,
  };
}
