// Paints what the server mails: JPEG while things move, 16-bit codes once they rest. One instance a figure.
//
// mail.data: kind, payload, shape [h, w], place [x, y, dw, dh], seq, caption, thresholds (255 data values at which the colour
// index steps), decode [centre, scale, step], ack. look.data: palette (256 x RGBA bytes), thresholds. The colours of resting
// pictures are made here, so a new stretch or limit needs no new pixels. Numbers: src/skydeck/render/codes.py, stretch.py.

const LEVELS = 65536
const MIDDLE = 32768

const state = {resting: null, thresholds: null, palette: null, seen: null}

function table(decode, thresholds, palette) {
  // code -> RGBA; value = centre + scale * sinh(step * (code - 32768)) rises with the code, so one walk is enough
  const [centre, scale, step] = decode
  const lut = new Uint32Array(LEVELS)
  let index = 0
  for (let code = 2; code < LEVELS - 1; code++) {
    const value = centre + scale * Math.sinh(step * (code - MIDDLE))
    while (index < 255 && thresholds[index] <= value) index++
    lut[code] = palette[index]
  }
  lut[0] = 0 // no data: transparent
  lut[1] = palette[0] // minus infinity
  lut[LEVELS - 1] = palette[255] // infinity
  return lut
}

function colour(picture) {
  const lut = table(picture.decode, state.thresholds, state.palette)
  const {codes} = picture
  const out = new Uint32Array(codes.length)
  for (let i = 0; i < codes.length; i++) out[i] = lut[codes[i]]
  return out
}

async function decoded(bytes) {
  const bitmap = await createImageBitmap(new Blob([bytes], {type: "image/jpeg"}))
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
  const context = canvas.getContext("2d", {willReadFrequently: true})
  context.setTransform(1, 0, 0, -1, 0, bitmap.height) // Bokeh's first row is the lowest
  context.drawImage(bitmap, 0, 0)
  const {width, height} = bitmap
  bitmap.close()
  return {pixels: new Uint32Array(context.getImageData(0, 0, width, height).data.buffer), shape: [height, width]}
}

function show(target, pixels, shape, place) {
  const NDArray = target.data.image[0].constructor
  const [x, y, dw, dh] = place
  const image = new NDArray(pixels.buffer, [shape[0], shape[1]])
  target.setv({data: {image: [image], x: [x], y: [y], dw: [dw], dh: [dh]}}, {sync: false})
}

function painted(ack, seq, begun) {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    ack.data = {seq: [seq], ms: [performance.now() - begun]}
  }))
}

async function receive(target, label, ack, data) {
  const begun = performance.now()
  const seq = data.seq[0]
  if (seq < 0) return
  state.seen = seq
  state.thresholds = data.thresholds[0]
  if (data.kind[0] === "jpeg") {
    const {pixels, shape} = await decoded(data.payload[0])
    if (state.seen !== seq) return
    state.resting = null
    label.setv({text: data.caption[0]}, {sync: false})
    show(target, pixels, shape, data.place[0])
  } else {
    state.resting = {codes: data.payload[0], shape: data.shape[0], place: data.place[0], decode: data.decode[0]}
    label.setv({text: data.caption[0]}, {sync: false})
    show(target, colour(state.resting), state.resting.shape, state.resting.place)
  }
  painted(ack, seq, begun)
}

export default async ({target, label, ack, mail, look}, origin) => {
  state.palette = new Uint32Array(new Uint8Array(look.data.palette[0]).buffer)
  if (origin === mail) return receive(target, label, ack, mail.data)
  state.thresholds = look.data.thresholds[0]
  const {resting} = state
  if (resting !== null) show(target, colour(resting), resting.shape, resting.place)
}
