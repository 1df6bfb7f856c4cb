// After the container tests: nothing of the engine outlives them.
export default async function tearDown() {
  await globalThis.papergateContainers?.stop();
}
