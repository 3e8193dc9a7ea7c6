import { FakeMachine } from "./fake-updater.ts";
import { updaterContract } from "./updater.contract.ts";

updaterContract("fake", async () => {
  const machine = new FakeMachine();
  machine.bundles.set("good", { version: "2.0.0", behaviour: "works" });
  return {
    updater: machine.updater(),
    bundle: "good",
    missing: "nowhere",
    installs: true,
    [Symbol.asyncDispose]: async () => {},
  };
});
