"""Buttons on the centre's own MQTT broker: zigbee2mqtt's and Tasmota's topics; a press is a call for help."""

from edge.probes.mqtt.listener import MqttListener

__all__ = ["MqttListener"]
