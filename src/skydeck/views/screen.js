// Paints what the server mails: JPEG while things move, 16-bit codes once they rest.
//
// mail.data: kind, payload, shape [h, w], place [x, y, dw, dh], seq, caption, thresholds (255 data values at which the colour
// index steps), decode [centre, scale, step], turn. look.data: palette (256 x RGBA bytes), thresholds, turn. The thresholds
// with the higher turn are the newer. The colours of resting pictures are made here, so a new stretch or limit needs no new
// pixels. Numbers: src/skydeck/render/codes.py, stretch.py.
//
// Bokeh compiles this once for every event that comes before the first compilation is done, and runs those in any order: what
// is remembered is remembered on a model, and every run works from the latest of both sources.

const LEVELS = 65536
const MIDDLE = 32768

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

function colour(picture, mail, look) {
  const thresholds = (mail.turn[0] > look.turn[0] ? mail : look).thresholds[0]
  const palette = new Uint32Array(new Uint8Array(look.palette[0]).buffer)
  const lut = table(picture.decode, thresholds, palette)
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

async function receive(target, label, ack, mail, look) {
  const begun = performance.now()
  const {data} = mail
  const seq = data.seq[0]
  if (seq < 0) return
  ack.seen = seq
  if (data.kind[0] === "jpeg") {
    const {pixels, shape} = await decoded(data.payload[0])
    if (ack.seen !== seq) return
    ack.resting = null
    label.setv({text: data.caption[0]}, {sync: false})
    show(target, pixels, shape, data.place[0])
  } else {
    ack.resting = {codes: data.payload[0], shape: data.shape[0], place: data.place[0], decode: data.decode[0]}
    label.setv({text: data.caption[0]}, {sync: false})
    show(target, colour(ack.resting, data, look.data), ack.resting.shape, ack.resting.place)
  }
  painted(ack, seq, begun)
}

export default async ({target, label, ack, mail, look}, origin) => {
  if (origin === mail) return receive(target, label, ack, mail, look)
  const {resting} = ack
  if (resting != null) show(target, colour(resting, mail.data, look.data), resting.shape, resting.place)
}
