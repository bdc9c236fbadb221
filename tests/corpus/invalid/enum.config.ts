type A = {
  x: number
}
enum B { one }
export default {}
