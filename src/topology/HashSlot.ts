export const slotCount = 16384
