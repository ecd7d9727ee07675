// A certified OpenID Connect provider on loopback: the name typed into its sign-in page becomes the subject.
// Usage: node provider.mjs CLIENT_ID CLIENT_SECRET REDIRECT_URI; prints its issuer when it listens.
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const [clientId, clientSecret, redirectUri] = process.argv.slice(2);
const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
  // All users have the same address: they must be identified by issuer and subject alone.
  claims: { openid: ['sub'], email: ['email'], profile: ['name'] },
  conformIdTokenClaims: false,
  findAccount: (_, subject) => ({
    accountId: subject,
    claims: () => ({ sub: subject, email: 'everybody@example.org', email_verified: true, name: subject }),
  }),
  // Grants every request without a consent page, which is not under test here.
  async loadExistingGrant(context) {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
});
server.on('request', provider.callback());
console.log(issuer);
