"""Packets of MQTT 5 that break a rule, in hexadecimal, by the clause that they break."""

from __future__ import annotations

from typing import Final

MALFORMED_5: Final = {
    "MQTT-1.5.5-1 a variable byte integer of five bytes": "2008" + "0000" + "8080808001" + "00",
    "MQTT-1.5.5-1 a remaining length in two bytes for one": "908400" + "0001" + "00" + "00",
    "MQTT-1.5.5-1 a length of properties in two bytes for one": "2004" + "0000" + "8000",
    "MQTT-1.5.5-1 a property number in two bytes for one": "2007" + "0000" + "04" + "a1000001",
    "MQTT-3.15.2 a step of an authentication without its method": "f002" + "18" + "00",
    "MQTT-1.5 a step of an authentication without its properties": "f001" + "00",
    "MQTT-2.2.2 a property twice": "2009" + "0000" + "06" + "210001" + "210002",
    "MQTT-2.2.2-2 a property of another packet": "2006" + "0000" + "03" + "230001",
    "MQTT-2.2.2-2 a property that does not exist": "2005" + "0000" + "02" + "7f00",
    "MQTT-2.2.2 receive maximum 0": "2006" + "0000" + "03" + "210000",
    "MQTT-2.2.2 a flag of 2": "2005" + "0000" + "02" + "2502",
    "MQTT-1.5 properties longer than the packet": "2003" + "0000" + "05",
    "MQTT-1.5.3-1 a reason that is no UTF-8": "4008" + "0001" + "80" + "04" + "1f0001ff",
    "MQTT-1.5.3-2 U+0000 in a user property": "400b" + "0001" + "80" + "07" + "26" + "000100" + "000161",
    "MQTT-3.3.2-2 no topic and no alias": "3003" + "0000" + "00",
    "MQTT-3.8.3-2 no filter": "8203" + "0001" + "00",
    "MQTT-3.8.3-5 QoS 3 asked for": "8207" + "0001" + "00" + "000161" + "03",
    "MQTT-3.8.3-5 retain handling 3": "8207" + "0001" + "00" + "000161" + "30",
    "MQTT-3.8.3-5 reserved options": "8207" + "0001" + "00" + "000161" + "40",
    "MQTT-3.8.3-4 no-local on a shared subscription": "8210" + "0001" + "00" + "000a2473686172652f612f62" + "04",
    "MQTT-3.9.3-1 no reason code": "9003" + "0001" + "00",
    "MQTT-2.2.3 bytes behind the properties": "4005" + "0001" + "00" + "00" + "ff",
}
