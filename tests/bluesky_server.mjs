// A real Bluesky server (PDS) with its directory, on 127.0.0.1, with one account that has an app password.
// Prints {url, handle, did, password} as JSON, and stops when its input ends.
import net from "node:net";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...given) {
  if (typeof given[0] === "number" || typeof given[0] === "string") given.splice(1, 0, "127.0.0.1");
  return listen.apply(this, given);
};

const { TestNetworkNoAppView } = await import("@atproto/dev-env");
const network = await TestNetworkNoAppView.create();
const agent = network.pds.getClient();
await agent.createAccount({ email: "aneby@test.invalid", handle: "aneby.test", password: "ett-annat-ord" });
const made = await agent.com.atproto.server.createAppPassword({ name: "kampanjhjul" });
const { port } = new URL(network.pds.url);
const told = { url: `http://127.0.0.1:${port}`, handle: "aneby.test", did: agent.did, password: made.data.password };
console.log(JSON.stringify(told));
process.stdin.resume();
process.stdin.on("end", async () => {
  await network.close();
  process.exit(0);
});
