export default {
  apps: [{ name: "a", script: }]
}
