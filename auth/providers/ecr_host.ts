/** A host of Amazon's registries, and the API that gives its tokens. */
export interface EcrHost {
  api: URL;
  /** What signatures name: `ecr` or `ecr-public`. */
  service: "ecr" | "ecr-public";
  /** The region that signatures name. */
  region: string;
  /** The AWS account that the registry belongs to; public repositories share one host. */
  account?: string;
}

/**
 * Private registries: `<account>.dkr.ecr.<region>.amazonaws.com`, China's below `.com.cn`; over IPv6
 * `<account>.dkr-ecr.<region>.on.aws`; each with `-fips` too. Nobody but Amazon answers there.
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/ecr.html
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
 */
const PRIVATE =
  /^(?<account>\d{12})\.(?:dkr\.ecr(?<fips>-fips)?\.(?<region>[a-z]{2}[a-z0-9-]*)\.(?<domain>amazonaws\.com(?:\.cn)?)|dkr-ecr(?<dualFips>-fips)?\.(?<dualRegion>[a-z]{2}[a-z0-9-]*)\.on\.aws)$/;

/** @see https://docs.aws.amazon.com/AmazonECR/latest/public/public-registries.html */
const PUBLIC = "public.ecr.aws";

/** The one region that has the API of public repositories. */
const PUBLIC_REGION = "us-east-1";

/** What a host of Amazon's registries is; `undefined` for every other host. */
export function ecrHost(host: string): EcrHost | undefined {
  if (host === PUBLIC) {
    return {
      api: new URL(`https://api.ecr-public.${PUBLIC_REGION}.amazonaws.com/`),
      service: "ecr-public",
      region: PUBLIC_REGION,
    };
  }
  const found = PRIVATE.exec(host)?.groups;
  if (found === undefined) return undefined;
  const { account, fips, dualFips, domain } = found;
  const region = found.region ?? found.dualRegion!;
  const name = domain === undefined
    ? `ecr${dualFips ?? ""}.${region}.api.aws`
    : fips === undefined
    ? `api.ecr.${region}.${domain}`
    : `ecr-fips.${region}.${domain}`;
  return { api: new URL(`https://${name}/`), service: "ecr", region, account: account! };
}
