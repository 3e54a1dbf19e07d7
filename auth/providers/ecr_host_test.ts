import { assertEquals } from "@std/assert";
import { ecrHost } from "./ecr_host.ts";

const ACCOUNT = "123456789012";

const HOSTS: [host: string, api: string, region: string][] = [
  [
    `${ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com`,
    "api.ecr.eu-central-1.amazonaws.com",
    "eu-central-1",
  ],
  [
    `${ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com`,
    "ecr-fips.us-gov-west-1.amazonaws.com",
    "us-gov-west-1",
  ],
  [
    `${ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn`,
    "api.ecr.cn-north-1.amazonaws.com.cn",
    "cn-north-1",
  ],
  [`${ACCOUNT}.dkr-ecr.us-east-2.on.aws`, "ecr.us-east-2.api.aws", "us-east-2"],
  [`${ACCOUNT}.dkr-ecr-fips.us-east-2.on.aws`, "ecr-fips.us-east-2.api.aws", "us-east-2"],
];

for (const [host, api, region] of HOSTS) {
  Deno.test(`ecrHost: ${host}`, () => {
    assertEquals(ecrHost(host), {
      api: new URL(`https://${api}/`),
      service: "ecr",
      region,
      account: ACCOUNT,
    });
  });
}

Deno.test("ecrHost: public.ecr.aws is signed for us-east-1", () => {
  assertEquals(ecrHost("public.ecr.aws"), {
    api: new URL("https://api.ecr-public.us-east-1.amazonaws.com/"),
    service: "ecr-public",
    region: "us-east-1",
  });
});

const OTHERS = [
  "ghcr.io",
  "amazonaws.com",
  `${ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com.example.com`,
  `${ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com:8443`,
  `x.${ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com`,
  `12345678901.dkr.ecr.eu-central-1.amazonaws.com`,
  `${ACCOUNT}.dkr.ecr.evil.example/.amazonaws.com`,
  `${ACCOUNT}.dkr.ecr.evil.example.amazonaws.com`,
  `${ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.co`,
  `${ACCOUNT}.dkr-ecr.us-east-2.on.aws.example.com`,
  `${ACCOUNT}.dkr.ecr.us-east-2.on.aws`,
  "public.ecr.aws.example.com",
  "public.ecr.aws:443",
  "s3.public.ecr.aws",
  "",
];

for (const host of OTHERS) {
  Deno.test(`ecrHost: ${JSON.stringify(host)} is none of Amazon's registries`, () => {
    assertEquals(ecrHost(host), undefined);
  });
}
