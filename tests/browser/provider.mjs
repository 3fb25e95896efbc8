// A real OpenID Connect provider on loopback, for the tests of log-in with a
// school account: it shows its own page, asks for name and password (it takes
// any) and sends the browser back.
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const privateKey = (alg) => {
  const pair = alg === "ES256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...pair.privateKey.export({ format: "jwk" }), kid: `${alg}-${Date.now()}`, use: "sig", alg };
};

// A port that is free now. The tests have a network of their own.
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// `people`: by log-in name, what the directory says of them.
export async function startProvider({ port, dashboard, secret, people, alg = "RS256" }) {
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "schoolgate",
      redirect_uris: [`${dashboard}/signed-in`],
      id_token_signed_response_alg: alg,
      ...(secret ? { client_secret: secret } : { token_endpoint_auth_method: "none" }),
    }],
    jwks: { keys: [privateKey(alg)] },
    cookies: { keys: ["only for tests"] },
    pkce: { required: () => true },
    conformIdTokenClaims: false,
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: people[id]?.sub ?? id, ...people[id] }),
    }),
    // Nobody is asked whether the school may know who they are.
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({ clientId: "schoolgate", accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope("openid email");
      await grant.save();
      return grant;
    },
  });
  const server = createServer(provider.callback()).listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    issuer,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

// Fills in the provider's own page.
export async function logInAtProvider(page, issuer, name) {
  await page.waitForURL((url) => url.href.startsWith(issuer));
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
}
