const a: number = 1
export default { apps: [
  { script: "app.js" x }
] }
