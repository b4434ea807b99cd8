"""Export of the network and the decoder to ONNX, for use outside Songline; rendering never imports it."""
